"""The same events give the same bytes, whatever happened before and on however many threads."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from app.models.audio import BLOCK_FRAMES
from app.services.instruments import SoundFont, open_part
from app.services.instruments.sources import CACHE, LONG_RING, GrowingSource, Ring, SourceCache
from tests.instruments.playing import listen, note, play, voice

KEYS = (
    "acoustic_grand_piano",
    "string_ensemble",
    "standard_kit",
    "supersaw",
    "acid_bass",
    "fm_piano",
    "synth_pluck",
    "steel_guitar",
    "muted_guitar",
    "violin",
    "synth_909",
)


_START = LONG_RING.start


def some_notes(key: str) -> list:
    drums = "kit" in key or "909" in key
    pitches = (36, 42, 38, 46) if drums else (48, 55, 60, 67)
    return [note(pitches[place % 4], 0.11 * place, 0.3, 50 + 7 * place) for place in range(11)]


@pytest.mark.parametrize("key", KEYS)
def test_cold_and_warm_caches_give_the_same_bytes(key: str, font: SoundFont) -> None:
    CACHE.clear()
    cold = play(key, some_notes(key), font)
    warm = play(key, some_notes(key), font)

    assert cold.tobytes() == warm.tobytes()


@pytest.mark.parametrize("key", KEYS)
def test_what_was_played_before_does_not_matter(key: str, font: SoundFont) -> None:
    fresh = play(key, some_notes(key), font)
    CACHE.clear()
    play(key, [note(event.pitch, 0.0, 3.0, 127 - event.velocity // 2) for event in some_notes(key)], font, seconds=4.0)

    assert play(key, some_notes(key), font).tobytes() == fresh.tobytes()


def test_threads_give_the_same_bytes(font: SoundFont) -> None:
    CACHE.clear()
    alone = [play(key, some_notes(key), font).tobytes() for key in KEYS]
    CACHE.clear()
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda key: play(key, some_notes(key), font).tobytes(), KEYS * 3))

    assert together == alone * 3


def test_a_small_cache_changes_nothing_but_time(font: SoundFont, monkeypatch: pytest.MonkeyPatch) -> None:
    plenty = play("string_ensemble", some_notes("string_ensemble"), font)
    CACHE.clear()
    monkeypatch.setattr(CACHE, "limit_bytes", 100_000)

    assert play("string_ensemble", some_notes("string_ensemble"), font).tobytes() == plenty.tobytes()


def test_only_the_seed_scatters_free_running_notes(font: SoundFont) -> None:
    events = some_notes("supersaw")

    assert play("supersaw", events, font, seed=1).tobytes() == play("supersaw", events, font, seed=1).tobytes()
    assert play("supersaw", events, font, seed=1).tobytes() != play("supersaw", events, font, seed=2).tobytes()
    assert play("fm_piano", events, font, seed=1).tobytes() == play("fm_piano", events, font, seed=2).tobytes()


def test_the_order_of_the_events_does_not_matter(font: SoundFont) -> None:
    events = some_notes("fm_piano")

    assert play("fm_piano", events[::-1], font).tobytes() == play("fm_piano", events, font).tobytes()


def test_choked_hats_fall_at_the_same_frame_wherever_blocks_end(font: SoundFont) -> None:
    border_s = BLOCK_FRAMES / 44_100
    events = [note(46, border_s - 0.05, 0.5), note(42, border_s + 0.05, 0.1)]
    for kit in ("standard_kit", "synth_909"):
        part = open_part(voice(kit), events, soundfont=font, seed=1)
        whole = listen(part, 2.0)
        part = open_part(voice(kit), events, soundfont=font, seed=1)
        pieces = np.concatenate(
            [part.block(frames).copy() for frames in (BLOCK_FRAMES - 1_000, 5_000, 20_000, BLOCK_FRAMES)]
        )

        np.testing.assert_allclose(pieces[: len(whole)], whole, atol=1e-7)


def test_a_block_holds_while_the_next_one_is_played(font: SoundFont) -> None:
    part = open_part(voice("flute"), [note(60, 0.0, 2.0)], soundfont=font, seed=1)
    first = part.block(BLOCK_FRAMES)
    kept = first.copy()

    part.block(BLOCK_FRAMES)

    np.testing.assert_array_equal(first, kept)


def test_a_part_is_silent_before_and_after_its_notes(font: SoundFont) -> None:
    part = open_part(voice("synth_pluck"), [note(60, 1.6, 0.2)], soundfont=font, seed=1)

    assert not part.block(BLOCK_FRAMES).any()
    assert part.block(BLOCK_FRAMES).any()
    for _ in range(8):
        part.block(BLOCK_FRAMES)
    assert not part.block(BLOCK_FRAMES).any()
    assert part.finished


def test_a_part_without_notes_is_silence(font: SoundFont) -> None:
    assert not play("flute", [], font, seconds=0.5).any()


@pytest.mark.parametrize("key", ["church_organ", "analog_lead", "string_ensemble"])
def test_a_note_of_minutes_goes_on_without_a_seam_or_its_memory(key: str, font: SoundFont) -> None:
    CACHE.clear()
    seconds = _START / 44_100 + 12
    samples = play(key, [note(60, length_s=seconds)], font, seconds=seconds)

    before = np.abs(np.diff(samples[_START - 400_000 : _START - 1_000, 0])).max()
    after = np.abs(np.diff(samples[_START - 1_000 :, 0])).max()
    assert after < 1.5 * before
    levels = [
        np.sqrt(np.mean(samples[at : at + 22_050] ** 2))
        for at in range(_START - 220_500, len(samples) - 44_100, 22_050)
    ]
    assert min(levels) > 0.5 * max(levels)
    assert CACHE.nbytes < 40_000_000


class Whistle(GrowingSource):
    """A sine that does not fit into its ring."""

    def _make(self, first: int, last: int) -> np.ndarray:
        return np.sin(np.arange(first, last) * (2 * np.pi / 101.7)).astype(np.float32)


@pytest.mark.parametrize("loudest", [None, 1.0])
@pytest.mark.parametrize("slack", [0, 200])
def test_a_ring_closes_without_a_step(slack: int, loudest: float | None) -> None:
    source = Whistle(ring=Ring(start=20_000, frames=10_000, seam=2_000, slack=slack), loudest=loudest)

    whole = source.read(0, 60_000)[0] * source.scale

    assert np.abs(np.diff(whole)).max() < 1.2 * 2 * np.pi / 101.7
    np.testing.assert_allclose(whole[:20_000], source._make(0, 20_000), atol=1e-4)
    np.testing.assert_array_equal(source.read(21_000, 45_000)[0] * source.scale, whole[21_000:45_000])
    if slack:
        assert np.abs(whole[-20_000:]).max() > 0.99
        level = np.abs(whole[20_000:].reshape(-1, 200)).max(axis=1)
        assert level.min() > 0.98


def test_the_cache_forgets_what_was_not_used_for_longest() -> None:
    class Thing:
        nbytes = 10

    cache = SourceCache(limit_bytes=200)
    first = cache.get("first", Thing)
    for number in range(31):
        cache.get(number, Thing)
        assert cache.get("first", Thing) is first

    assert cache.nbytes <= 200 + 16 * 10
    assert cache.get("first", Thing) is first
    assert cache.get(30, Thing) is cache.get(30, Thing)
