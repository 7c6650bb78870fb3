"""What kind of audio file something is, by the bytes that it begins with."""

#: Bytes to hand in.
HEAD_BYTES = 12

#: Kinds that can be read, for sentences.
SOUND_FORMATS = ("WAV", "FLAC", "MP3", "Ogg (Vorbis, Opus)", "AIFF")


def sound_format(head: bytes) -> str | None:
    """`wav`, `flac`, `mp3`, `ogg` or `aiff` by a file's first `HEAD_BYTES` bytes; None for what is none of them.

    >>> sound_format(b"RIFF....WAVE"), sound_format(b"RIFF....WEBP")
    ('wav', None)
    """
    kind, inside = head[:4], head[8:12]
    if kind in (b"RIFF", b"RF64"):
        return "wav" if inside == b"WAVE" else None
    if kind == b"FORM":
        return "aiff" if inside in (b"AIFF", b"AIFC") else None
    if kind == b"fLaC":
        return "flac"
    if kind == b"OggS":
        return "ogg"
    # Without a tag an MP3 begins with its first frame: eleven bits set, then version and layer III.
    frame = len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2
    return "mp3" if head[:3] == b"ID3" or frame else None
