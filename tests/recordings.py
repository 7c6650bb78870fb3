"""Recordings as somebody might send them: good ones in every format, and bad ones."""

import io
import struct

import numpy as np
import soundfile

RATE = 22_050

#: Format of soundfile and subtype of each kind that is taken.
KINDS = {
    "wav": ("WAV", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "aiff": ("AIFF", "PCM_16"),
}


def tone(seconds=2.0, *, hz=440.0, rate=RATE, channels=1, peak=0.5):
    """A sine of shape (frames, channels)."""
    wave = peak * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def recording(samples=None, *, kind="wav", rate=RATE, subtype=None):
    """The bytes of a file."""
    form, usual = KINDS[kind]
    written = io.BytesIO()
    soundfile.write(written, tone() if samples is None else samples, rate, format=form, subtype=subtype or usual)
    return written.getvalue()


def lying_wav(frames=2**30):
    """A WAV file whose header promises hours, and which ends after a second."""
    content = bytearray(recording(tone(1.5)))
    content[40:44] = struct.pack("<I", min(2 * frames, 2**32 - 1))
    return bytes(content)


#: Bad files, with what is said of each.
BAD = {
    "nothing": (b"", "must be a recording"),
    "text": (b"hello, this is a song" * 100, "must be a recording"),
    "a picture called RIFF": (b"RIFF\x00\x01\x00\x00WEBPVP8 " + bytes(100), "must be a recording"),
    "MIDI": (b"MThd" + bytes(100), "must be a recording"),
    "a ZIP": (b"PK\x03\x04" + bytes(100), "must be a recording"),
    "M4A": (b"\x00\x00\x00\x20ftypM4A " + bytes(100), "must be a recording"),
    "a head alone": (recording()[:30], "cannot be read, or is broken|that can be read"),
    "noise after a FLAC's head": (b"fLaC" + bytes(range(256)) * 40, "that can be read"),
    "noise after an Ogg's head": (b"OggS" + bytes(range(256)) * 40, "that can be read"),
    "an MP3 of nothing": (b"ID3\x04" + bytes(4_000), "that can be read|is shorter"),
    "half a second": (recording(tone(0.5)), "is shorter than 1 s"),
    "silence": (recording(np.zeros((2 * RATE, 1), np.float32)), "is silent"),
    "not a number": (recording(np.full((2 * RATE, 1), np.nan, np.float32), subtype="FLOAT"), "no sound"),
    "nine channels": (recording(tone(channels=9)), "at most 8"),
    "2 kHz": (recording(tone(rate=2_000), rate=2_000), "2000 Hz"),
}
