"""Readable names for files that are handed out, and the header that carries them."""

import re
import unicodedata
from urllib.parse import quote

#: Characters of the longest name, without its ending.
LONGEST = 80

_NOT_PLAIN = re.compile(r"[^A-Za-z0-9 _.,'()-]")


def readable_name(title: str, form: str) -> str:
    """The title, without what file systems refuse, as the name of a file.

    >>> readable_name("Rain / Night?", "mp3")
    'Rain Night.mp3'
    """
    kept = "".join(c if c.isalnum() or c in "-_.,'" else " " for c in unicodedata.normalize("NFC", title))
    words = " ".join(kept.split()).strip(" .") or "track"
    return f"{words[:LONGEST]}.{form}"


def content_disposition(file_name: str, form: str) -> str:
    r"""An attachment under its name in UTF-8 (RFC 8187), with a plain one for old clients (RFC 6266, appendix D).

    >>> content_disposition("été.mp3", "mp3")
    'attachment; filename="ete.mp3"; filename*=UTF-8\'\'%C3%A9t%C3%A9.mp3'
    """
    stem = unicodedata.normalize("NFKD", file_name.removesuffix(f".{form}")).encode("ascii", "ignore").decode()
    plain = " ".join(_NOT_PLAIN.sub(" ", stem).split()).strip(" -,.") or "track"
    encoded = quote(file_name, safe="", errors="replace")
    return f"attachment; filename=\"{plain}.{form}\"; filename*=UTF-8''{encoded}"
