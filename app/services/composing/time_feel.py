"""Half-time and double-time: the tempo stays, the backbeat goes at half or double its pace, the time-keepers keep time.

After the drummers' usual meaning of the terms (Riley, The Art of Bop Drumming; Chester, The New Breed).
"""

from collections.abc import Mapping, Sequence

from app.models.plan import TimeFeel
from app.services.theory.metre import Metre
from app.services.theory.rhythm import Bar, Stroke

#: Drums that carry the feel; all others keep the time of the metre.
CARRIERS = frozenset({"kick", "snare", "snare_2", "clap", "rim"})

#: Drums that mark the backbeat, and signs that do.
_BACKBEATS, _MARKED = ("snare", "clap", "snare_2", "rim"), "Xx"

#: How often harmony changes against the style's own pace.
HARMONY_PACE: dict[TimeFeel, float] = {"plain": 1.0, "half": 0.5, "double": 1.0}

#: How much longer the carriers' patterns last, by the feel asked for and the one that they are written in; 1 if not
#: listed.
_FACTORS: dict[TimeFeel, dict[TimeFeel, float]] = {
    "plain": {},
    "half": {"plain": 2.0, "double": 4.0},
    "double": {"plain": 0.5, "half": 0.5},
}


def felt(lanes: Mapping[str, Sequence[Bar]], number: int, feel: TimeFeel, metre: Metre) -> dict[str, list[Stroke]]:
    """The strokes of bar `number` of a groove whose lanes are given bar by bar.

    A groove that has its backbeat in the middle of the bar already is in half-time as it stands, one that has it
    between the pulses only, as the skank beat of thrash does, in double-time.
    """
    factor = _FACTORS[feel].get(_own_feel(lanes, metre), 1.0)
    return {
        drum: _at_pace(bars, number, factor if drum in CARRIERS else 1.0, metre.beats) for drum, bars in lanes.items()
    }


def _own_feel(lanes: Mapping[str, Sequence[Bar]], metre: Metre) -> TimeFeel:
    """The feel in which a groove is written: where its marked backbeats fall."""
    marked = next((lanes[drum] for drum in _BACKBEATS if drum in lanes), ())
    places = [stroke.position for bar in marked for stroke in bar if stroke.sign in _MARKED]
    if any(abs(place - pulse) < 1e-6 for place in places for pulse in metre.pulses[1::2]):
        return "plain"
    on_pulses = any(abs(place - pulse) < 1e-6 for place in places for pulse in metre.pulses)
    return "double" if places and not on_pulses else "half"


def _at_pace(bars: Sequence[Bar], number: int, factor: float, beats: float) -> list[Stroke]:
    """One bar of a lane that lasts so many times as long as it is written."""
    begin = number * beats / factor
    end = begin + beats / factor
    strokes: list[Stroke] = []
    for written in range(int(begin / beats + 1e-9), int((end - 1e-9) / beats) + 1):
        for stroke in bars[written % len(bars)]:
            at = written * beats + stroke.position
            if begin - 1e-9 <= at < end - 1e-9:
                place = round((at - begin) * factor, 6)
                strokes.append(Stroke(place, min(stroke.length * factor, beats - place), stroke.sign))
    return strokes
