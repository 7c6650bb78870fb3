"""What is heard: genres and moods of the contract differ in sound and score, and obey what was asked."""

from itertools import combinations

import numpy as np
import pytest

from app.models.audio import SAMPLE_RATE
from app.services.engines import TakeRequest
from app.services.engines.composer import ComposerEngine
from app.services.instruments import find_soundfont, load_soundfont
from app.services.mixing import master
from app.services.pipeline import mix_of
from app.services.planning import GENRES, MOODS, make_plan, read

pytestmark = pytest.mark.uncounted

SOUNDFONT = find_soundfont(None)
SECONDS = 10
#: Dice of the pieces that are compared.
SEEDS = (3, 4, 5)
MOODS_OF_THE_CONTRACT = MOODS[:11]
GENRES_OF_THE_CONTRACT = GENRES[:12]


@pytest.fixture(scope="module")
def engine():
    return ComposerEngine(SOUNDFONT)


class Heard:
    """One piece, its score, and what can be measured on its sound."""

    def __init__(self, engine, prompt, seed=SEEDS[0]):
        font = load_soundfont(SOUNDFONT).sha256
        self.plan = make_plan(read(prompt), duration_s=SECONDS, seed=seed, soundfont_sha256=font)
        (take,) = engine.generate(
            [TakeRequest(plan=self.plan, prompt=prompt, progress=lambda *_: None, cancelled=lambda: False)]
        )
        self.sound = np.concatenate(list(master(mix_of(take, self.plan), self.plan.mastering).blocks()))
        self.score = take.score

    def notes_a_second(self):
        return sum(len(part.notes) for part in self.score.parts) / SECONDS

    def brightness_hz(self):
        spectrum = np.abs(np.fft.rfft(self.sound.mean(axis=1))) ** 2
        frequencies = np.fft.rfftfreq(len(self.sound), 1 / SAMPLE_RATE)
        return float((spectrum * frequencies).sum() / spectrum.sum())

    def bands(self):
        """Loudness in dB of twelve bands, against their mean: what the ear takes for the colour."""
        spectrum = np.abs(np.fft.rfft(self.sound.mean(axis=1))) ** 2
        edges = np.geomspace(40, 16_000, 13) * len(self.sound) / SAMPLE_RATE
        levels = [10 * np.log10(part.sum() + 1e-9) for part in np.split(spectrum, edges.astype(int))[1:-1]]
        return np.array(levels) - np.mean(levels)

    def curve(self):
        """Loudness in dB of each half second."""
        halves = self.sound[: len(self.sound) // 22_050 * 22_050].reshape(-1, 22_050 * 2)
        return 10 * np.log10((halves**2).mean(axis=1) + 1e-9)

    def instruments(self):
        return {voice.instrument for voice in self.plan.ensemble}


def differences(one, other):
    """In how many of six ways a listener could tell two pieces apart."""
    return sum(
        [
            abs(one.plan.tempo_bpm / other.plan.tempo_bpm - 1) > 0.06,
            len(one.instruments() & other.instruments()) < len(one.instruments() | other.instruments()) / 2,
            abs(np.log2(one.notes_a_second() / other.notes_a_second())) > 0.3,
            np.abs(one.bands() - other.bands()).mean() > 3,
            np.abs(one.curve() - other.curve()).mean() > 2,
            (one.plan.tonic, one.plan.mode) != (other.plan.tonic, other.plan.mode),
        ]
    )


def alike(heard, least):
    """Pairs that on average over the seeds differ in fewer than `least` ways."""
    return [
        pair
        for pair in combinations(heard, 2)
        if np.mean([differences(*pieces) for pieces in zip(heard[pair[0]], heard[pair[1]], strict=True)]) < least
    ]


def test_the_genres_of_the_contract_sound_unlike_each_other(engine):
    heard = {genre: [Heard(engine, f"{genre} music", seed) for seed in SEEDS] for genre in GENRES_OF_THE_CONTRACT}

    assert not alike(heard, 3)


def test_the_moods_of_the_contract_sound_unlike_each_other(engine):
    heard = {
        mood: [Heard(engine, f"{mood} piano and strings", seed) for seed in SEEDS] for mood in MOODS_OF_THE_CONTRACT
    }

    assert not alike(heard, 2)
    lively = [heard[mood] for mood in ("happy", "energetic", "triumphant")]
    calm = [heard[mood] for mood in ("sad", "peaceful", "relaxing", "melancholic")]
    for number in range(len(SEEDS)):
        slowest, fastest = (
            extreme(pieces[number].plan.tempo_bpm for pieces in moods)
            for extreme, moods in ((min, lively), (max, calm))
        )
        assert slowest > fastest
    assert np.mean([p.notes_a_second() for ps in lively for p in ps]) > 1.3 * np.mean(
        [p.notes_a_second() for ps in calm for p in ps]
    )
    assert np.mean([p.brightness_hz() for ps in lively for p in ps]) > np.mean(
        [p.brightness_hz() for ps in calm for p in ps]
    )
    assert {piece.plan.mode for piece in heard["happy"]} <= {"major", "lydian", "mixolydian"}
    assert "major" not in {piece.plan.mode for piece in heard["sad"]}


def test_a_key_that_was_asked_for_is_heard(engine):
    piece = Heard(engine, "slow piano in E flat major")
    spectrum = np.abs(np.fft.rfft(piece.sound.mean(axis=1)))
    frequencies = np.fft.rfftfreq(len(piece.sound), 1 / SAMPLE_RATE)
    audible = (frequencies > 100) & (frequencies < 1_500)
    classes = np.round(12 * np.log2(frequencies[audible] / 440) + 69).astype(int) % 12
    chroma = np.bincount(classes, weights=spectrum[audible] ** 2, minlength=12)

    in_scale = chroma[[3, 5, 7, 8, 10, 0, 2]].sum() / chroma.sum()

    assert in_scale > 0.9


def test_a_tempo_that_was_asked_for_is_heard(engine):
    piece = Heard(engine, "house music at 124 bpm")
    power = (piece.sound.mean(axis=1)[: len(piece.sound) // 441 * 441].reshape(-1, 441) ** 2).sum(axis=1)
    onsets = np.maximum(np.diff(np.log(power + 1e-6)), 0)
    onsets -= onsets.mean()
    similar = np.correlate(onsets, onsets, "full")[len(onsets) :]
    beat = 60 / 124 * 100

    lags = np.arange(20, 101)
    best = lags[np.argmax(similar[lags - 1])]

    assert any(best == pytest.approx(beat * multiple, abs=1.5) for multiple in (0.5, 1, 2))


def test_refused_drums_are_not_heard(engine):
    piece = Heard(engine, "energetic rock without drums")

    assert all(voice.role not in ("drums", "percussion") for voice in piece.plan.ensemble)
