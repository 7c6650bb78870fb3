"""Recordings that somebody sent: what is good is kept as it sounds, what is bad gets a reason."""

import numpy as np
import pytest

from app.errors import InvalidField
from app.models.clip import ClipFacts
from app.services.encoding import clips, keep_clip, read_clip
from tests.recordings import BAD, KINDS, RATE, lying_wav, recording, tone


@pytest.fixture
def keep(tmp_path):
    def kept(content):
        (tmp_path / "sent").write_bytes(content)
        facts = keep_clip(tmp_path / "sent", tmp_path / "clip.flac")
        return facts, *read_clip(tmp_path / "clip.flac")

    return kept


def pitch_hz(samples, rate):
    spectrum = np.abs(np.fft.rfft(samples[:, 0] * np.hanning(len(samples))))
    return np.argmax(spectrum) * rate / len(samples)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_known_by_its_content_and_sounds_as_it_did(keep, kind):
    facts, samples, rate = keep(recording(kind=kind))

    assert (facts.format, facts.sample_rate, facts.channels, rate) == (kind, RATE, 1, 44_100)
    assert facts.seconds == pytest.approx(2.0, abs=0.1)
    assert samples.shape == (pytest.approx(2 * 44_100, abs=4_000), 2)
    assert pitch_hz(samples, rate) == pytest.approx(440, abs=2)
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.05)


def test_two_channels_stay_apart_and_of_more_the_first_two_are_kept(keep):
    both = np.concatenate([tone(hz=440), tone(hz=660)], axis=1)

    facts, samples, rate = keep(recording(both))
    assert facts.channels == 2
    assert [round(pitch_hz(samples[:, [channel]], rate)) for channel in (0, 1)] == [440, 660]

    facts, samples, rate = keep(recording(np.concatenate([both, tone(hz=880, channels=4)], axis=1)))
    assert facts.channels == 2
    assert [round(pitch_hz(samples[:, [channel]], rate)) for channel in (0, 1)] == [440, 660]


def test_what_goes_beyond_full_scale_is_made_quieter_and_not_cut(keep):
    _facts, samples, _rate = keep(recording(tone(peak=4.0), subtype="FLOAT"))

    assert np.abs(samples).max() == pytest.approx(1.0, abs=1e-3)
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(np.sqrt(0.5), abs=0.02)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_gets_its_reason_and_leaves_nothing(tmp_path, name):
    content, reason = BAD[name]
    (tmp_path / "sent").write_bytes(content)

    with pytest.raises(InvalidField, match=reason) as refused:
        keep_clip(tmp_path / "sent", tmp_path / "clip.flac")

    assert refused.value.field == "file"
    assert not (tmp_path / "clip.flac").exists()


def test_a_header_is_not_believed(keep):
    facts, samples, _rate = keep(lying_wav())

    assert facts.seconds == 1.5
    assert len(samples) == round(1.5 * 44_100)


def test_what_unpacks_to_more_than_is_kept_is_refused_where_that_is_noticed(keep, monkeypatch):
    """Silence packs a thousandfold; no more of it is ever unpacked than a clip may last."""
    bomb = np.zeros((600 * RATE, 1), np.float32)
    bomb[0] = 0.5
    packed = recording(bomb, kind="flac")
    assert len(packed) < bomb.nbytes / 500

    with pytest.raises(InvalidField, match="longer than 300 s"):
        keep(packed)

    monkeypatch.setattr(clips, "MOST_S", 1.5)
    with pytest.raises(InvalidField, match=r"longer than 1\.5 s"):
        keep(recording())


def test_the_facts_are_those_of_the_file_that_was_sent(keep):
    facts, _samples, _rate = keep(recording(tone(3.25, rate=96_000, channels=2), rate=96_000, kind="flac"))

    assert facts == ClipFacts(format="flac", seconds=3.25, sample_rate=96_000, channels=2)
