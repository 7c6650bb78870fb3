"""What drums play: grooves and fills as lanes of rhythm, a name of a drum each; and plain ones for all.

Rule: a kit keeps to the metre's own groups of beats.
"""

from pydantic import Field, model_validator

from app.models.brief import Frozen
from app.services.styles.idioms import Fitting, check_grid
from app.services.theory.drum_keys import DRUM_KEYS
from app.services.theory.rhythm import read_rhythm


class Groove(Fitting):
    """Drum name (a key of DRUM_KEYS) to its rhythm: X accent, x stroke, o soft, g ghost, ? maybe a ghost."""

    lanes: dict[str, str]

    @model_validator(mode="after")
    def _names_drums(self) -> "Groove":
        for lane, rhythm in self.lanes.items():
            if lane not in DRUM_KEYS:
                raise ValueError(f"unknown drum {lane!r}; known: {', '.join(DRUM_KEYS)}")
            check_grid(rhythm, self.metre)
            signs = {stroke.sign for bar in read_rhythm(rhythm, self.metre, self.metre) for stroke in bar}
            if signs - set("Xxog?"):
                raise ValueError(f"{lane}: unknown signs {''.join(sorted(signs - set('Xxog?')))!r}; known: Xxog?")
        return self


PLAIN_GROOVES: tuple[Groove, ...] = (
    Groove(lanes={"kick": "x.......x.......", "hat": "x.x.x.x.x.x.x.x.", "rim": "....x.......x..."}, energy=(0.0, 0.5)),
    Groove(
        lanes={"kick": "x.....x.x.......", "snare": "....X.......X...", "hat": "X.x.X.x.X.x.X.x."}, energy=(0.4, 1.0)
    ),
)

#: What a kit plays in a metre for which its style has written nothing: the metre's own groups, not 4/4 cut off.
METRE_GROOVES: tuple[Groove, ...] = (
    Groove(
        lanes={"kick": "x...........x.......", "rim": "....x...........x...", "hat": "x.o.x.o.x.o.x.o.x.o."},
        metre="5/4",
        energy=(0.0, 0.5),
    ),
    Groove(
        lanes={"kick": "X.....x.x...x.....x.", "snare": "....X...........X...", "hat": "X.x.X.x.X.x.X.x.X.x."},
        metre="5/4",
        energy=(0.4, 1.0),
    ),
    Groove(
        lanes={
            "kick": "X.....x.....X...x...|X.....x...x.X..x....",
            "snare": "....X..g.g......X..g",
            "hat": "X.x.X.x.X.x.X.x.X.x.",
        },
        metre="5/4",
        energy=(0.6, 1.0),
    ),
    Groove(
        lanes={"kick": "x.......x.....", "rim": "....x.......x.", "hat": "x.o.x.o.x.o.o."},
        metre="7/8",
        energy=(0.0, 0.5),
    ),
    Groove(
        lanes={"kick": "X.....x.X.....", "snare": "....X.......X.", "hat": "X.x.X.x.X.x.x."},
        metre="7/8",
        energy=(0.4, 1.0),
    ),
    Groove(
        lanes={"kick": "X..x....X.x...|X..x..x.X.....", "snare": "....X..g....X.", "hat": "X.x.X.x.X.x.x."},
        metre="7/8",
        energy=(0.6, 1.0),
    ),
    Groove(
        lanes={"kick": "x...........", "rim": "......x.....", "hat": "x.o.o.x.o.o."}, metre="6/8", energy=(0.0, 0.5)
    ),
    Groove(
        lanes={"kick": "X.......x...|X...x...x...", "snare": "......X.....", "hat": "X.x.x.X.x.x."},
        metre="6/8",
        energy=(0.4, 1.0),
    ),
)

#: How they lead on in those metres.
METRE_FILLS: tuple[Groove, ...] = (
    Groove(lanes={"snare": "............x.xxX.xx"}, metre="5/4"),
    Groove(lanes={"snare": "........xx....", "mid_tom": "..........xx..", "low_tom": "............xx"}, metre="7/8"),
    Groove(lanes={"snare": "......x.x...", "low_tom": "..........xx"}, metre="6/8"),
)

#: Metres in which those go before a style's grooves for other metres.
OWN_METRES = frozenset(groove.metre for groove in METRE_GROOVES)

PLAIN_FILLS: tuple[Groove, ...] = (
    Groove(lanes={"snare": "............x.xx"}, energy=(0.0, 0.6)),
    Groove(
        lanes={"snare": "........xxxx....", "mid_tom": "............xx..", "low_tom": "..............xx"},
        energy=(0.5, 1.0),
    ),
)

PLAIN_PERCUSSION: tuple[Groove, ...] = (Groove(lanes={"shaker": "o.x.o.x.o.x.o.x."}),)


class Drums(Frozen):
    """What the kit or the percussion plays."""

    grooves: tuple[Groove, ...] = PLAIN_GROOVES
    #: The end of a bar that leads into the next section; silent steps leave the groove as it is before the fill begins.
    fills: tuple[Groove, ...] = PLAIN_FILLS
    #: From this energy on, a section begins with a crash; above 1 never.
    crash_from: float = Field(0.6, ge=0, le=2)
    #: Drum that marks a section's beginning and the end of the piece.
    crash: str = "crash"
    #: A small change every so many bars.
    vary_every: int = Field(4, ge=1, le=16)
    #: Whether builds end in a roll.
    rolls: bool = False
