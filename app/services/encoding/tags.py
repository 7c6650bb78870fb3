"""What a file says about itself, and how each container wants to be told.

Rule: no track id and no date, so that the same music is the same bytes.
"""

import struct
import unicodedata
from dataclasses import dataclass

#: Longest text of a tag, in characters, as many as a prompt has. Some readers of WAV take no more than 2,047 bytes.
LONGEST_TEXT = 500

#: Signs that turn the direction of the text around them; a tag must not reach beyond its own field.
DIRECTION_SIGNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

#: Unicode's categories of control characters and lone surrogates. Joiners (Cf) stay: emoji and Indic scripts need them.
UNSEEN = ("Cc", "Cs")

#: Scales whose third is minor, as ID3's TKEY writes keys.
MINOR_SCALES = frozenset({"minor", "dorian", "phrygian", "harmonic minor", "melodic minor", "aeolian", "locrian"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Tags:
    """A track's tags; None where there is nothing to say. Made by `make_tags`, which cleans the words."""

    title: str | None = None
    #: The user's words, stored as the comment.
    prompt: str | None = None
    #: Beats a minute.
    tempo_bpm: float | None = None
    #: Tonic and scale: "A minor", "F# dorian".
    key: str | None = None
    seed: int | None = None
    genre: str | None = None
    #: The software that made it.
    generator: str | None = None
    #: Whether the end joins the beginning without a seam.
    loop: bool = False

    @property
    def short_key(self) -> str | None:
        """The key in at most three signs, as ID3 wants it: "Am", "F#".

        >>> Tags(key="F# dorian").short_key
        'F#m'
        """
        if self.key is None:
            return None
        tonic, _, scale = self.key.partition(" ")
        return f"{tonic}m"[:3] if scale in MINOR_SCALES else tonic[:3]


def make_tags(
    *,
    title: str | None = None,
    prompt: str | None = None,
    tempo_bpm: float | None = None,
    key: str | None = None,
    seed: int | None = None,
    genre: str | None = None,
    generator: str | None = None,
    loop: bool = False,
) -> Tags:
    """Tags from any words: control characters, lone surrogates and direction signs are left out."""
    return Tags(
        title=_clean(title),
        prompt=_clean(prompt),
        tempo_bpm=tempo_bpm,
        key=_clean(key),
        seed=seed,
        genre=_clean(genre),
        generator=_clean(generator),
        loop=loop,
    )


def vorbis_comments(tags: Tags, vendor: bytes) -> bytes:
    """The comment block that FLAC, Vorbis and Opus share (xiph.org, *Ogg Vorbis I format specification*, 5)."""
    fields = {
        "TITLE": tags.title,
        "COMMENT": tags.prompt,
        "GENRE": tags.genre,
        "BPM": _number(tags.tempo_bpm),
        "KEY": tags.key,
        "INITIALKEY": tags.short_key,
        "SEED": _number(tags.seed),
        "SOFTWARE": tags.generator,
    }
    comments = [f"{name}={text}".encode() for name, text in fields.items() if text]
    return b"".join((_counted(vendor), struct.pack("<I", len(comments)), *(_counted(comment) for comment in comments)))


def id3(tags: Tags) -> bytes:
    """An ID3v2.4 tag in UTF-8 (id3.org, *ID3 tag version 2.4.0*)."""
    texts = {
        "TIT2": tags.title,
        "TBPM": None if tags.tempo_bpm is None else str(round(tags.tempo_bpm)),
        "TKEY": tags.short_key,
        "TCON": tags.genre,
        "TSSE": tags.generator,
    }
    frames = [_id3_frame(name, text.encode()) for name, text in texts.items() if text]
    if tags.prompt:
        frames.append(_id3_frame("COMM", b"eng\0" + tags.prompt.encode()))
    if tags.key:
        frames.append(_id3_frame("TXXX", b"key\0" + tags.key.encode()))
    if tags.seed is not None:
        frames.append(_id3_frame("TXXX", b"seed\0" + str(tags.seed).encode()))
    body = b"".join(frames)
    return b"ID3\4\0\0" + _synchsafe(len(body)) + body if body else b""


def riff_info(tags: Tags) -> bytes:
    """A RIFF LIST/INFO chunk in UTF-8, for readers of WAV files that know no ID3."""
    fields = {b"INAM": tags.title, b"ICMT": tags.prompt, b"IGNR": tags.genre, b"ISFT": tags.generator}
    chunks = [riff_chunk(name, text.encode() + b"\0") for name, text in fields.items() if text]
    return riff_chunk(b"LIST", b"INFO" + b"".join(chunks)) if chunks else b""


def riff_chunk(name: bytes, content: bytes) -> bytes:
    """A RIFF chunk: name, length, content, filled up to an even length."""
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _clean(text: str | None) -> str | None:
    if text is None:
        return None
    kept = "".join(c for c in text if c.isspace() or not (unicodedata.category(c) in UNSEEN or c in DIRECTION_SIGNS))
    return " ".join(kept.split())[:LONGEST_TEXT].strip() or None


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.15g}" if isinstance(value, float) else str(value)


def _counted(text: bytes) -> bytes:
    return struct.pack("<I", len(text)) + text


def _id3_frame(name: str, content: bytes) -> bytes:
    utf8 = b"\3"
    return name.encode() + _synchsafe(len(content) + 1) + b"\0\0" + utf8 + content


def _synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))
