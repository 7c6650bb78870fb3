"""Which progressions a style speaks in."""

from app.services.composing.harmony import harmonise
from app.services.composing.layout import lay_out
from app.services.styles import load_style
from app.services.styles.idioms import Progression
from app.services.theory.keys import Key
from app.services.theory.metre import metre_of
from tests.composing.plans import plan_for

SEEDS = range(40)


def test_of_two_progressions_that_which_says_its_key_is_heard_more_often():
    plain = load_style("pop")
    # Both set out from home; in the second the major key of the same notes takes over.
    progressions = tuple(
        Progression(chords=chords, modes=("minor",)) for chords in ("i | iv | i | v", "i | III | VII | III")
    )
    quiet = {"progressions": progressions, "devices": {}, "turnaround_chance": 0.0, "colours": {"plain": 1.0}}
    style = plain.model_copy(update={"harmony": plain.harmony.model_copy(update=quiet)})
    strayed = 0
    for seed in SEEDS:
        plan = plan_for("pop", seconds=20, seed=seed).model_copy(update={"tonic": "A", "mode": "minor"})
        bars = harmonise(plan, style, metre_of(plan.time_signature), lay_out(plan))
        relative = Key("A", "minor").moved(3).root
        strayed += bars[1][0].chord.root == relative or bars[2][0].chord.root == relative

    assert strayed < 0.3 * len(SEEDS)
