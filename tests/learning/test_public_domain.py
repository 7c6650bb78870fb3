"""Learning from real music: Bach's chorales, German folk tunes and a rag of Joplin's, each half from the other."""

from dataclasses import replace
from functools import cache

import pytest

from app.services.finetuning import Rehearsal
from app.services.learning import learn, nearest, read_tune
from app.services.learning.measuring import distances, marks_of
from app.services.learning.tune import Line, key_of, ordered
from app.services.styles import load_style, style_names
from app.services.theory.passages import passages
from tests.learning.test_learning import keep, music

music21 = pytest.importorskip("music21", reason="music21 is not installed (requirements/quality.txt)")

#: Pieces of each corpus. Few of them say little about the others.
PIECES = {"chorales": 100, "folk": 80, "ragtime": 32}

#: music21 brings one rag. Each strain has sixteen bars in a key of its own, after an upbeat of half a beat; four bars
#: are a piece here, so that what teaches and what is held back ask and answer alike.
STRAIN, PHRASE, UPBEAT = 16, 4, 0.5

#: Pieces that each style is heard by.
HEARD = 32


@cache
def tunes(corpus):
    """The corpus through MIDI files, as a user's would come."""
    found = []
    for score in scores(corpus):
        try:
            content = music21.midi.translate.streamToMidiFile(score).writestr()
        except music21.exceptions21.Music21Exception:
            continue  # a score that its own library cannot write down
        tune = read_tune(content)
        found += phrases(tune) if corpus == "ragtime" else [tune]
        if len(found) >= PIECES[corpus]:
            break
    return found[: PIECES[corpus]]


def scores(corpus):
    if corpus == "folk":
        return iter(music21.corpus.parse("essenFolksong/altdeu10").scores)
    composer = {"chorales": "bach", "ragtime": "joplin"}[corpus]
    return (music21.corpus.parse(path) for path in sorted(music21.corpus.getComposer(composer)))


def phrases(tune):
    """Four bars each, in the key of their strain."""
    strain, phrase = STRAIN * tune.metre.beats, PHRASE * tune.metre.beats
    found = []
    for number in range(round((tune.length_beats - UPBEAT) / strain)):
        start = UPBEAT + number * strain
        root, third = key_of(between(tune, start, start + strain))
        for place in range(STRAIN // PHRASE):
            lines = between(tune, start + place * phrase, start + (place + 1) * phrase)
            found.append(replace(tune, lines=lines, root=root, third=third))
    return found


def between(tune, start, end):
    """The lines' notes that begin between two beats, counted from the first of them."""
    cut = []
    for line in tune.lines:
        notes = [note for note in line.notes if start <= note.start_beat < end]
        cut.append(Line(program=line.program, notes=tuple(replace(n, start_beat=n.start_beat - start) for n in notes)))
    return ordered(cut)


@pytest.fixture(scope="module")
def packaged():
    """Music of every packaged style."""
    return [made for name in style_names() if (made := music(load_style(name), HEARD))]


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("corpus", sorted(PIECES))
def test_the_distance_to_held_back_pieces_is_half_that_of_every_style_and_nothing_is_copied(
    corpus, first, packaged, tmp_path
):
    pieces = tunes(corpus)
    known, held = pieces[first::2], pieces[1 - first :: 2]
    base = load_style(nearest(known, {name: load_style(name) for name in style_names()}))
    rehearsal = Rehearsal(tmp_path / "rehearsal", lambda part: None)
    style = learn(known, base=base, strength=1.0, seed=1, title=corpus, hear=rehearsal.hear)
    keep(style, tmp_path)

    ours = music(style, HEARD)

    assert distances(ours, held)["mean"] <= min(distances(made, held)["mean"] for made in packaged) / 2
    for tune in ours:
        notes = tune.melody
        said = {mark for _, mark in passages([n.pitch for n in notes], [n.start_beat for n in notes])}
        assert marks_of(known).isdisjoint(said)
