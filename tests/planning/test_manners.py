"""Ways of playing: heard with the player they were said of, handed on to those who can play so."""

import pytest

from app.services.planning import make_plan, read

#: Prompt to the manners heard, each with its player.
MANNERS = [
    ("staccato strings and legato violin", {("staccato", "strings"), ("legato", "violin")}),
    ("fingerpicked acoustic guitar", {("fingerpicked", "acoustic_guitar")}),
    ("guitar, gently fingerpicked", {("fingerpicked", "guitar")}),
    ("solo piano, rubato", {("rubato", "acoustic_grand_piano")}),
    ("palm-muted distorted guitars", {("palm_muted", "distortion_guitar")}),
    ("strummed ukulele", {("strummed", "ukulele")}),
    ("tremolo strings", {("tremolo", "tremolo_strings")}),
    ("legato, slow and sad", {("legato", None)}),
    ("no staccato, piano", set()),
    ("cuerdas en staccato", {("staccato", "strings")}),
    ("violoncelle legato", {("legato", "cello")}),
    ("ストリングスのピチカート", {("pizzicato", "pizzicato_strings")}),
    ("a happy song", set()),
]


@pytest.mark.parametrize(("prompt", "heard"), MANNERS)
def test_a_way_of_playing_is_heard_with_its_player(prompt: str, heard: set[tuple[str, str | None]]):
    assert {(manner.value, manner.player) for manner in read(prompt).manners} == heard


def test_the_words_stand_beside_the_manner():
    (manner,) = read("staccato strings in C").manners

    assert manner.words == ("staccato",)


def voices_of(prompt: str) -> dict[str, set[str]]:
    plan = make_plan(read(prompt), duration_s=20, seed=1, soundfont_sha256=None)
    return {voice.instrument: set(voice.manner) for voice in plan.ensemble}


def test_those_who_were_asked_play_so_and_nobody_else():
    voices = voices_of("staccato strings, flute and piano")

    assert voices["flute"] == voices["acoustic_grand_piano"] == set()
    assert {"staccato"} in voices.values()


def test_what_was_said_of_one_player_outranks_what_was_said_of_the_group():
    assert voices_of("staccato strings and legato violin")["violin"] == {"legato"}


def test_nobody_is_asked_for_what_the_instrument_cannot_do():
    for instrument, manners in voices_of("strummed, jazz with piano, guitar and drums").items():
        assert manners <= ({"strummed"} if "guitar" in instrument else set())
