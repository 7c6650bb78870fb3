"""A progression that comes round again says the same in other words."""

from itertools import chain

import pytest

from app.models.plan import Section
from app.services.composing import compose
from app.services.composing.reharmonising import LEAST_DISTINCT, varied
from app.services.composing.setting import Setting
from app.services.styles import load_style, style_names
from app.services.theory.chords import read_numeral
from app.services.theory.keys import Key
from app.utils.seeds import rng_for
from tests.composing.plans import composed, plan_for


def again(numerals: str, device: str, key: Key, seed: int = 1, bar_s: float = 4.0) -> list[str]:
    """A progression of one bar a chord after one device, as a lead sheet writes it; halves joined by a space."""
    held = [(read_numeral(numeral, key.tonic, key.mode), 1.0) for numeral in numerals.split()]
    for attempt in range(seed, seed + 40):
        pieces = varied(held, key, {device: 1.0}, bar_s=bar_s, rng=rng_for(attempt, "test"))
        if pieces != [(chord,) for chord in held]:
            break
    assert [sum(bars for _, bars in piece) for piece in pieces] == [1.0] * len(held)
    return [" ".join(chord.symbol(key.tonic, key.mode) for chord, _ in piece) for piece in pieces]


C, A_MINOR = Key("C", "major"), Key("A", "minor")


@pytest.mark.parametrize(
    ("numerals", "device", "key", "index", "expected"),
    [
        ("I IV V I", "secondary_dominant", C, 1, "F D7"),
        ("I vi ii V", "secondary_dominant", C, 1, "Am A7"),
        ("I7 I7 IV7 I7", "two_five", C, 1, "Gm7 C7"),
        ("i i iv i", "two_five", A_MINOR, 1, "Em7b5 A7"),
        ("I IV V I", "passing_diminished", C, 1, "F F#dim7"),
        ("I7 IV7 I7 V7", "passing_diminished", C, 1, "F7 F#dim7"),
        ("ii7 V7 Imaj7 Imaj7", "tritone", C, 1, "G7 Db7"),
        ("I vi IV V", "relative", C, 2, "Dm"),
        ("I IV I V", "borrowed", C, 1, "F Fm"),
        ("i iv i v", "borrowed", A_MINOR, 3, "Em E"),
        ("I V vi IV", "suspension", C, 1, "Gsus4 G"),
        ("I V vi IV", "inversion", C, 1, "G G/B"),
        ("I V vi IV", "early", C, 1, "G Am"),
    ],
)
def test_each_device_does_what_its_name_says(numerals, device, key, index, expected):
    found = {again(numerals, device, key, seed)[index] for seed in range(1, 400, 41)}

    assert expected in found


@pytest.mark.parametrize("device", ["secondary_dominant", "suspension", "inversion", "passing_diminished"])
def test_a_chord_is_not_divided_where_its_halves_would_flit_by(device):
    assert again("I IV V I", device, C, bar_s=1.0) == ["C", "F", "G", "C"]


@pytest.mark.parametrize("style", style_names())
def test_the_first_chord_keeps_its_root_and_nothing_gets_longer(style):
    devices = load_style(style).harmony.devices
    held = [(read_numeral(numeral, "D", "minor"), 2.0) for numeral in ("i", "VI", "iv", "V")]
    for seed in range(12):
        pieces = varied(held, Key("D", "minor"), devices, bar_s=2.0, rng=rng_for(seed, "test"))
        assert pieces[0][0][0].root == held[0][0].root
        assert [sum(bars for _, bars in piece) for piece in pieces] == [2.0] * 4


def test_a_hurried_progression_is_divided_once_and_a_slow_one_often():
    held = [(read_numeral(numeral, "C", "major"), 1.0) for numeral in ("I", "vi", "ii", "V", "I", "vi", "IV", "V")]

    def divided(bar_s: float) -> int:
        pieces = varied(held, C, {"secondary_dominant": 0.8}, bar_s=bar_s, rng=rng_for(3, "test"))
        return sum(len(piece) > 1 for piece in pieces)

    assert divided(1.95) <= 2
    assert divided(4.0) >= 4


def test_a_loop_of_two_chords_becomes_richer_the_second_time():
    plan = plan_for("techno", seconds=60, seed=2, mode="minor")
    names = tuple(voice.name for voice in plan.ensemble)
    form = tuple(
        Section(kind=kind, material="A", bars=bars, energy=0.7, voices=names)
        for kind, bars in (("drop", 16), ("outro", 4))
    )
    plan = plan.model_copy(update={"form": form})
    bars = [bar for bar in Setting(plan).bars if bar.stretch.index == 0]

    first, second = ({change.chord for bar in half for change in bar.changes} for half in (bars[:8], bars[8:]))

    assert len(first | second) > min(len(first), len(second))


@pytest.mark.parametrize("style", [name for name in style_names() if name != "meditation"])
def test_half_a_minute_holds_at_least_five_chords(style):
    # A drone stands still by nature; it too has more than a few.
    least = LEAST_DISTINCT - 1 if style == "drone" else LEAST_DISTINCT
    distinct = sorted(len({chord.symbol for chord in composed(style, 30, seed)[1].chords}) for seed in range(1, 6))

    assert distinct[1] >= least - 1
    assert distinct[2] >= least


@pytest.mark.parametrize("style", ["pop", "rock", "electronic", "folk", "lofi"])
def test_chords_do_not_all_last_as_long(style):
    lengths = [{round(chord.length_beats, 2) for chord in composed(style, 60, seed)[1].chords} for seed in (1, 2, 3)]

    assert max(len(found) for found in lengths) >= 3
    assert sorted(len(found) for found in lengths)[1] >= 2


def test_a_pedal_lies_under_a_build():
    found = set()
    for seed in range(1, 16):
        plan = plan_for("cinematic", seconds=40, seed=seed)
        names = tuple(voice.name for voice in plan.ensemble)
        form = (
            Section(kind="build", material="A", bars=8, energy=0.5, voices=names),
            Section(kind="chorus", material="A", bars=8, energy=0.9, voices=names),
        )
        setting = Setting(plan.model_copy(update={"form": form}))
        basses = {change.chord.bass for bar in setting.bars[:6] for change in bar.changes}
        roots = {change.chord.root for bar in setting.bars[:6] for change in bar.changes}
        dominant = setting.bars[0].key.scale[4]
        found.add(basses == {dominant} and len(roots) > 1)
        assert compose(plan).length_beats > 0

    assert found == {True, False}


def test_what_stands_for_a_progression_is_the_same_for_the_same_dice():
    held = [(read_numeral(numeral, "C", "major"), 1.0) for numeral in ("I", "vi", "ii", "V")]
    devices = load_style("jazz").harmony.devices

    one, two = (list(chain(*varied(held, C, devices, bar_s=2.0, rng=rng_for(7, "test")))) for _ in range(2))

    assert one == two
