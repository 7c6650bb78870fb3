"""Which sections stand in another key."""

import pytest

from app.models.plan import Section
from app.services.planning.modulating import modulated
from app.services.styles.idioms import Modulation
from app.services.theory.keys import Key
from app.utils.seeds import rng_for
from tests.planning.test_plans import plan_of

LIFT = Modulation(manner="lift", sections=("chorus",), modes=("major",), semitones=2, chance=1.0)
VISIT = Modulation(manner="visit", sections=("bridge",), modes=("major",), semitones=-3, mode="minor", chance=1.0)
FAR = Modulation(manner="visit", sections=("bridge",), modes=("major",), semitones=5, chance=1.0)


def form_of(text: str, bars: int = 8) -> tuple[Section, ...]:
    pairs = [word.split(":") for word in text.split()]
    return tuple(Section(kind=k, material=m, bars=bars, energy=0.5, voices=("lead",)) for k, m in pairs)


def keys(text: str, *modulations: Modulation, **asked) -> list[tuple[int, str | None]]:
    options = {"duration_s": 120.0, "faithful": False, **asked}
    home = Key("C", asked.pop("mode", "major")) if "mode" in asked else Key("C", "major")
    options.pop("mode", None)
    form = modulated(form_of(text), modulations, home, rng=rng_for(1, "test"), **options)
    return [(section.transpose, section.mode) for section in form]


SONG = "intro:A verse:A chorus:B verse:A chorus:B bridge:C chorus:B outro:B"


def test_the_last_return_is_lifted_with_all_that_follows():
    assert [shift for shift, _ in keys(SONG, LIFT)] == [0, 0, 0, 0, 0, 0, 2, 2]


def test_a_visit_goes_and_comes_back():
    assert keys(SONG, VISIT) == [(0, None)] * 5 + [(-3, "minor")] + [(0, None)] * 2


def test_a_visit_never_touches_a_lift():
    assert [shift for shift, _ in keys(SONG, LIFT, VISIT)] == [0, 0, 0, 0, 0, 0, 2, 2]


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (SONG, {"duration_s": 30.0}),  # too short
        (SONG, {"mode": "minor"}),  # not meant for the mode
        (SONG, {"faithful": True}),  # the key was asked for
        ("intro:A verse:A chorus:B outro:A", {}),  # nothing returns
        ("verse:A chorus:B chorus:B verse:A verse:A outro:A", {}),  # more than half the piece would be away
    ],
)
def test_a_piece_stays_at_home_where_a_lift_would_not_do(text, asked):
    assert {shift for shift, _ in keys(text, LIFT, **asked)} == {0}


def test_a_key_that_was_asked_for_keeps_its_notes():
    assert keys(SONG, VISIT, faithful=True)[5] == (-3, "minor")
    assert keys(SONG, FAR, faithful=True)[5] == (0, None)


def test_plans_take_their_styles_modulations():
    lifted = [plan_of("anthemic pop song", 120, seed=seed) for seed in range(12)]

    assert 1 <= sum(any(section.transpose for section in plan.form) for plan in lifted) <= 11
    for seed in range(12):
        assert not any(section.transpose for section in plan_of("anthemic pop song in D major", 120, seed=seed).form)
