"""Modulators at note-on, against the curves of the SoundFont specification."""

import pytest

from app.services.instruments.modulators import DEFAULT_MODULATORS, Modulator, added, modulation, replaced

KEY, VELOCITY, CC = 3, 2, 0x80
DOWN, BIPOLAR = 0x100, 0x200
LINEAR, CONCAVE, CONVEX, SWITCH = (kind << 10 for kind in range(4))


@pytest.mark.parametrize(
    ("source", "key", "velocity", "value"),
    [
        (0, 60, 64, 1.0),
        (VELOCITY | LINEAR, 60, 127, 1.0),
        (VELOCITY | LINEAR | DOWN, 60, 127, 0.0),
        (KEY | LINEAR | BIPOLAR, 127, 1, 1.0),
        (KEY | LINEAR | BIPOLAR, 0, 1, -1.0),
        (KEY | SWITCH, 63, 1, 0.0),
        (KEY | SWITCH, 64, 1, 1.0),
        (KEY | SWITCH | BIPOLAR | DOWN, 0, 1, 1.0),
        (VELOCITY | CONVEX, 60, 127, 1.0),
        (VELOCITY | CONVEX, 60, 0, 0.0),
        (VELOCITY | CONCAVE | DOWN, 60, 127, 0.0),
        (VELOCITY | CONCAVE | DOWN, 60, 0, 1.0),
        (CC | 1, 60, 64, 0.0),
        (CC | 11, 60, 64, 1.0),
        (CC | 10 | BIPOLAR, 60, 64, 1 / 127),
        (14, 60, 64, 0.5),
        (14 | BIPOLAR, 60, 64, 0.0),
        (16, 60, 64, 2 / 127),
        (13, 60, 64, 0.0),
    ],
)
def test_sources_follow_their_curves(source: int, key: int, velocity: int, value: float) -> None:
    assert modulation([Modulator(source, 5, 100, 0, 0)], key, velocity)[5] == pytest.approx(100 * value, abs=1e-9)


def test_a_convex_curve_rises_early_and_a_concave_one_late() -> None:
    convex, concave = (modulation([Modulator(VELOCITY | kind, 5, 1, 0, 0)], 60, 64)[5] for kind in (CONVEX, CONCAVE))

    assert convex > 0.8
    assert concave < 0.2


def test_a_second_source_scales_the_first() -> None:
    by_key = Modulator(VELOCITY, 5, 100, KEY, 0)

    assert modulation([by_key], 127, 127)[5] == pytest.approx(100)
    assert modulation([by_key], 0, 127)[5] == 0


def test_absolute_values_can_be_asked_for() -> None:
    assert modulation([Modulator(KEY | BIPOLAR, 5, 100, 0, 2)], 0, 1)[5] == pytest.approx(100)


def test_modulators_of_one_kind_replace_within_and_add_between_levels() -> None:
    own = Modulator(*DEFAULT_MODULATORS[0][:2], 500, 0, 0)
    other = Modulator(KEY, 5, 10, 0, 0)

    assert replaced(DEFAULT_MODULATORS, [own, other]) == (own, DEFAULT_MODULATORS[1], other)
    assert added(replaced(DEFAULT_MODULATORS, [own]), [own, other])[0].amount == 1_000
    assert other in added(DEFAULT_MODULATORS, [other])
    assert modulation([Modulator(KEY, 5, 0, 0, 0)], 60, 60) == {}
