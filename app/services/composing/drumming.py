"""Drums and percussion: grooves by energy, fills where sections end, a crash where they begin."""

from collections.abc import Sequence

import numpy as np

from app.models.plan import Role, Voice
from app.models.score import DRUM_ROLES, Note
from app.services.composing.drawing import suited
from app.services.composing.dynamics import velocity
from app.services.composing.grooving import personal
from app.services.composing.layout import Stretch
from app.services.composing.setting import BEAT_STRENGTH, Bar, Setting
from app.services.composing.time_feel import felt
from app.services.styles.grooves import METRE_FILLS, METRE_GROOVES, OWN_METRES, PLAIN_GROOVES, Drums, Groove
from app.services.theory.drum_keys import drum_key
from app.services.theory.rhythm import Bar as Rhythm
from app.services.theory.rhythm import Stroke

#: Accent of each sign of a groove.
ACCENTS = {"X": 1.15, "x": 0.6, "o": -0.45, "g": -1.3, "?": -1.2}

#: Drums that keep time; they fall silent under a fill.
KEEP_TIME = frozenset({"hat", "open_hat", "ride", "ride_2", "bell", "shaker", "tambourine", "rim"})

#: Where beats are far apart, the strokes of time-keepers between them are lighter by up to so much accent.
LIGHTER = 0.9

#: Drums that take over from the time-keepers where they fall together.
_CHOKED_BY = {"hat": ("open_hat", "pedal"), "ride": ("bell",)}

#: Where drums or percussion play alone, a groove has at least so many strokes a bar; what they play else.
LEAST_ALONE = 6.0
ALONE_GROOVES: dict[Role, tuple[Groove, ...]] = {
    "drums": PLAIN_GROOVES,
    "percussion": (
        Groove(lanes={"conga_open": "x..x..x.x..x..x.", "conga_low": "..........x..x..", "shaker": "o.x.o.x.o.x.o.x."}),
    ),
}

#: Styles whose timing is this loose, in milliseconds, are played by people.
HUMAN_MS = 4.0

#: Beats a drum note is written for.
HIT_BEATS = 0.25


def write_drums(setting: Setting, voice: Voice) -> list[Note]:
    """The kit or the percussion for the whole piece, its last stroke included."""
    idiom = setting.style.drums if voice.role == "drums" else setting.style.percussion
    player = _Drummer(setting, voice, idiom)
    for stretch in setting.stretches_of(voice):
        player.play(stretch)
    return player.notes


class _Drummer:
    def __init__(self, setting: Setting, voice: Voice, idiom: Drums) -> None:
        self._setting = setting
        self._voice = voice
        self._idiom = idiom
        self._metre = setting.plan.time_signature
        self.notes: list[Note] = []

    def play(self, stretch: Stretch) -> None:
        """One section: its groove, small changes, a fill into the next."""
        setting = self._setting
        rng = setting.rng("drums", self._voice.name, *stretch.key)
        metre = self._metre
        energy = setting.busyness(stretch.section.energy)
        alone = self._alone(stretch)
        fills = self._written(self._idiom.fills, METRE_FILLS)
        groove = suited(rng, self._written(self._idiom.grooves, METRE_GROOVES), energy=energy, metre=metre)
        if alone and self._strokes_a_bar(groove) < LEAST_ALONE:
            groove = suited(rng, ALONE_GROOVES[self._voice.role], energy=energy, metre=metre)
        fill = suited(rng, fills, energy=energy, metre=metre) if fills else None
        # What changes from return to return has dice of its own.
        rng = setting.rng("drums", self._voice.name, *stretch.key, str(stretch.returns))
        for bar in setting.bars_in(stretch):
            if bar.final:
                self._end(bar)
                continue
            lanes = self._lanes(groove, bar.number)
            lanes = self._changed(lanes, bar, rng)
            into_next = bar.last and stretch.bars > 1
            half_way = bar.number % 8 == 7 and energy > 0.45
            if self._idiom.rolls and stretch.section.kind == "build":
                lanes = self._roll(lanes, bar, stretch)
            elif fill is not None and (into_next or half_way):
                lanes = self._filled(lanes, fill, rng if half_way and not into_next else None)
            if bar.number == 0 and self._marks(stretch):
                lanes = self._crashed(lanes)
            self._strike(bar, lanes, rng)

    def _alone(self, stretch: Stretch) -> bool:
        """Whether nobody with a pitch plays in a section, so that it is all there is to hear."""
        plan = self._setting.plan
        return all(plan.voice(name).role in DRUM_ROLES for name in stretch.section.voices)

    def _strokes_a_bar(self, groove: Groove) -> float:
        """How many strokes a groove surely has in a bar."""
        lanes = self._bars_of(groove).values()
        return sum(sum(stroke.sign != "?" for bar in bars for stroke in bar) / len(bars) for bars in lanes)

    def _written(self, own: Sequence[Groove], plain: Sequence[Groove]) -> Sequence[Groove]:
        """The style's grooves or fills; plain ones of the metre where a kit has none written for it."""
        kit = self._voice.role == "drums" and bool(own) and self._metre in OWN_METRES
        return own if not kit or any(groove.metre == self._metre for groove in own) else plain

    def _bars_of(self, groove: Groove) -> dict[str, Sequence[Rhythm]]:
        return {drum: self._setting.rhythm(text, groove.metre) for drum, text in groove.lanes.items()}

    def _lanes(self, groove: Groove, number: int) -> dict[str, list[Stroke]]:
        lanes = self._bars_of(groove)
        if self._voice.role == "drums":
            # The same habits for the same groove, wherever it returns.
            rng = self._setting.rng("habits", *groove.lanes.values())
            lanes = dict(personal(lanes, self._setting.metre, rng))
        return felt(lanes, number, self._setting.plan.time_feel, self._setting.metre)

    def _changed(self, lanes: dict[str, list[Stroke]], bar: Bar, rng: np.random.Generator) -> dict[str, list[Stroke]]:
        """Every few bars one small thing is different: a kick more, an open hat, a kick less.

        People also change a ghost note or a pick-up every second bar.
        """
        beats = self._setting.metre.beats
        human = self._setting.style.feel.timing_ms >= HUMAN_MS
        if human and bar.number % 2 and bar.energy >= 0.25:
            lanes = self._touched(lanes, rng)
        if bar.number % self._idiom.vary_every != self._idiom.vary_every - 1 or bar.energy < 0.25:
            return lanes
        change = rng.random()
        if change < 0.4 and "hat" in lanes:
            late = [stroke for stroke in lanes["hat"] if stroke.position >= beats - 0.51]
            if late:
                lanes["hat"] = [stroke for stroke in lanes["hat"] if stroke.position < late[0].position]
                lanes["open_hat"] = [*lanes.get("open_hat", []), Stroke(late[0].position, 0.5, "x")]
        elif change < 0.75 and "kick" in lanes:
            place = beats - (0.5 if change < 0.6 else 0.25)
            if all(abs(stroke.position - place) > 0.2 for stroke in lanes["kick"]):
                lanes["kick"] = [*lanes["kick"], Stroke(place, 0.25, "x")]
        elif "kick" in lanes and len(lanes["kick"]) > 2:
            lanes["kick"] = lanes["kick"][:-1]
        return lanes

    def _touched(self, lanes: dict[str, list[Stroke]], rng: np.random.Generator) -> dict[str, list[Stroke]]:
        """A ghost note beside the snare, or one taken away."""
        change, place = rng.random(), rng.random()
        drum = "snare" if "snare" in lanes else next((d for d in lanes if any(s.sign == "g" for s in lanes[d])), "")
        played = lanes.get(drum, [])
        ghosts = [stroke for stroke in played if stroke.sign in "g?"]
        if ghosts and change < 0.3:
            gone = ghosts[int(place * len(ghosts))]
            return {**lanes, drum: [stroke for stroke in played if stroke is not gone]}
        if change >= 0.6:
            return lanes
        free = [
            stroke.position + step
            for stroke in played
            for step in (-0.25, 0.25, 0.75)
            if stroke.sign in "Xxo"
            and 0 < stroke.position + step < self._setting.metre.beats
            and all(abs(other.position - stroke.position - step) > 0.2 for other in played)
        ]
        if not free:
            return lanes
        return {**lanes, drum: [*played, Stroke(round(free[int(place * len(free))], 6), 0.25, "g")]}

    def _filled(
        self, lanes: dict[str, list[Stroke]], fill: Groove, rng: np.random.Generator | None
    ) -> dict[str, list[Stroke]]:
        """The groove until the fill begins, then the fill; with dice, only its last beat."""
        # A fill that is written for two bars ends in the second.
        strokes = {drum: list(bars[-1]) for drum, bars in self._bars_of(fill).items()}
        begin = min((stroke.position for drum in strokes.values() for stroke in drum), default=0.0)
        if rng is not None:
            begin = max(begin, self._setting.metre.pulses[-1])
        kept = {
            drum: [s for s in played if s.position < begin - 1e-6 or drum in ("kick", "pedal")]
            for drum, played in lanes.items()
        }
        for drum, played in strokes.items():
            kept[drum] = kept.get(drum, []) + [s for s in played if s.position >= begin - 1e-6]
        return kept

    def _roll(self, lanes: dict[str, list[Stroke]], bar: Bar, stretch: Stretch) -> dict[str, list[Stroke]]:
        """A snare that gets faster: beats, then halves, then sixteenths in the last bar."""
        left = stretch.bars - bar.number
        step = 0.25 if left == 1 else 0.5 if left <= max(2, stretch.bars // 2) else 1.0
        beats = self._setting.metre.beats
        count = int(beats / step + 1e-6)
        rolled = dict(lanes)
        rolled["snare"] = [Stroke(round(i * step, 6), step, "x" if i % 2 == 0 else "o") for i in range(count)]
        if left == 1:
            rolled["kick"] = [stroke for stroke in lanes.get("kick", []) if stroke.position < beats / 2]
        return rolled

    def _marks(self, stretch: Stretch) -> bool:
        """Whether a crash begins the section: the kit's; percussion strikes one only if its style says so."""
        if self._voice.role != "drums" and "crash_from" not in self._idiom.model_fields_set:
            return False
        return stretch.section.energy >= self._idiom.crash_from

    def _crashed(self, lanes: dict[str, list[Stroke]]) -> dict[str, list[Stroke]]:
        """The section's first stroke with a crash in place of the time-keeper."""
        begun = {
            drum: [stroke for stroke in played if stroke.position > 1e-6 or drum not in KEEP_TIME]
            for drum, played in lanes.items()
        }
        return {**begun, self._idiom.crash: [Stroke(0.0, 1.0, "x")]}

    def _end(self, bar: Bar) -> None:
        """The last stroke of the piece: everybody on the downbeat."""
        final = {"kick": "X", self._idiom.crash: "X"} if self._voice.role == "drums" else {}
        if not final:
            groove = self._idiom.grooves[0]
            final = {next(iter(groove.lanes)): "x"}
        self._strike(bar, {drum: [Stroke(0.0, 1.0, sign)] for drum, sign in final.items()}, None)

    def _strike(self, bar: Bar, lanes: dict[str, list[Stroke]], rng: np.random.Generator | None) -> None:
        setting = self._setting
        light = LIGHTER * setting.unhurried
        density = max(setting.plan.density, 0.0) if self._alone(bar.stretch) else setting.plan.density
        for drum, strokes in lanes.items():
            key = drum_key(drum, self._voice.instrument, bar.key.root)
            chokers = {s.position for other in _CHOKED_BY.get(drum, ()) for s in lanes.get(other, ())}
            for stroke in strokes:
                maybe = stroke.sign == "?"
                if maybe and (rng is None or rng.random() > 0.5 + 0.4 * density):
                    continue
                if stroke.position in chokers:
                    continue
                accent = ACCENTS[stroke.sign]
                if drum in KEEP_TIME and setting.metre.strength(stroke.position) < BEAT_STRENGTH:
                    accent -= light
                if density < -0.3 and stroke.sign in "go" and rng is not None and rng.random() < -density * 0.7:
                    continue
                self.notes.append(
                    Note(
                        pitch=key,
                        start_beat=bar.start_beat + stroke.position,
                        length_beats=HIT_BEATS,
                        velocity=velocity(setting.plan, bar, self._voice.role, accent),
                    )
                )
