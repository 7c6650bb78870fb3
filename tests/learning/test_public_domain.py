"""Learning from real music: Bach's chorales, German folk tunes and a rag of Joplin's, half of each held back."""

from dataclasses import replace

import pytest

from app.services.learning import learn, nearest, read_tune
from app.services.learning.measuring import distances, marks_of
from app.services.learning.tune import Line, key_of, ordered
from app.services.styles import load_style, style_names
from app.services.theory.passages import passages
from tests.learning.test_learning import keep, music

music21 = pytest.importorskip("music21", reason="music21 is not installed (requirements/quality.txt)")

#: Pieces of each corpus. Few of them say little about the others.
PIECES = {"chorales": 100, "folk": 80, "ragtime": 16}

#: Bars of a rag's strain. music21 brings one rag: the first halves of its strains teach, the second are held back.
STRAIN = 16

#: One rag says little: nothing learned from half of it can be asked to be nearer to the rest than that half is itself.
AS_NEAR = 1.1

#: Pieces that a style is heard by: those of the packaged ones only say which is the nearest.
LEARNED, PACKAGED = 16, 6


def scores(corpus):
    if corpus == "folk":
        return iter(music21.corpus.parse("essenFolksong/altdeu10").scores)
    composer = {"chorales": "bach", "ragtime": "joplin"}[corpus]
    return (music21.corpus.parse(path) for path in sorted(music21.corpus.getComposer(composer)))


def tunes(corpus):
    """The corpus through MIDI files, as a user's would come."""
    found = []
    for score in scores(corpus):
        try:
            content = music21.midi.translate.streamToMidiFile(score).writestr()
        except music21.exceptions21.Music21Exception:
            continue  # a score that its own library cannot write down
        tune = read_tune(content)
        found += half_strains(tune) if corpus == "ragtime" else [tune]
        if len(found) >= PIECES[corpus]:
            break
    return found[: PIECES[corpus]]


def half_strains(tune):
    """First and second half of each strain, in the strain's key."""
    strain = STRAIN * tune.metre.beats
    found = []
    for number in range(round(tune.length_beats / strain)):
        start, middle = number * strain, (number + 0.5) * strain
        root, third = key_of(between(tune, start, start + strain))
        halves = between(tune, start, middle), between(tune, middle, start + strain)
        found += [replace(tune, lines=lines, root=root, third=third) for lines in halves]
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
    return [made for name in style_names() if (made := music(load_style(name), PACKAGED))]


@pytest.mark.parametrize("corpus", sorted(PIECES))
def test_the_distance_to_held_back_pieces_is_halved_and_nothing_is_copied(corpus, packaged, tmp_path):
    pieces = tunes(corpus)
    known, held = pieces[::2], pieces[1::2]
    base = load_style(nearest(known, {name: load_style(name) for name in style_names()}))
    style = learn(known, base=base, strength=1.0, seed=1, title=corpus)
    keep(style, tmp_path)

    ours = music(style, LEARNED)

    found = distances(ours, held)["mean"]
    assert found <= distances(music(base, PACKAGED), held)["mean"] / 2
    # By what is heard another style may be nearer than the one that was mixed in: polka is to a rag.
    best = min(distances(made, held)["mean"] for made in packaged)
    least = AS_NEAR * distances(known, held)["mean"] if corpus == "ragtime" else 0.0
    assert found <= max(best / 2, least)
    for tune in ours:
        notes = tune.melody
        said = {mark for _, mark in passages([n.pitch for n in notes], [n.start_beat for n in notes])}
        assert marks_of(known).isdisjoint(said)
