"""Which soundfont to play: a setting or nothing goes in, a loaded font comes out, once a process."""

import hashlib
import importlib.util
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from app.errors import SoundfontMissing
from app.services.instruments.sf2 import SoundFont

#: Fonts preferred where they are installed, best first: large ones with a permissive licence (MIT), then what the
#: system calls its General MIDI font.
PREFERRED = (
    "MuseScore_General.sf3", "MuseScore_General.sf2", "MuseScore_General_Full.sf2", "MuseScore_General_Lite.sf3",
    "FluidR3_GM.sf2", "FluidR3_GM.sf3", "default-GM.sf3", "default-GM.sf2", "default.sf3", "default.sf2",
)  # fmt: skip

#: Where Linux distributions and macOS package managers put soundfonts.
SYSTEM_FOLDERS = (
    "/usr/share/sounds/sf3", "/usr/share/sounds/sf2", "/usr/share/soundfonts", "/usr/local/share/soundfonts",
    "/usr/local/share/sounds/sf2", "/opt/homebrew/share/soundfonts", "/opt/homebrew/share/sounds/sf2",
    "~/.local/share/soundfonts", "~/Library/Audio/Sounds/Banks", "C:/soundfonts",
)  # fmt: skip

#: When and how large a file was, and what it held then.
_fingerprints: dict[Path, tuple[tuple[int, int], str]] = {}
_loaded: dict[Path, tuple[tuple[int, int], SoundFont]] = {}
_lock = threading.Lock()


def find_soundfont(path: Path | None = None) -> Path:
    """The file to play: `path` where it is given, else the best font installed, else the one pretty_midi brings.

    `SoundfontMissing` if the file named is not there or not a soundfont: it is never replaced silently.
    """
    if path is not None:
        _check_start(path)
        return path
    for found in _candidates():
        return found
    raise SoundfontMissing(
        "No soundfont found: set MUSIC_SOUNDFONT to an SF2 or SF3 file, or install pretty_midi, which brings one"
    )


def load_soundfont(path: Path) -> SoundFont:
    """The font in a file, read once a process (again when the file changed). `SoundfontMissing` if it is broken."""
    with _lock:
        try:
            state = path.stat()
            mark = (state.st_mtime_ns, state.st_size)
            known = _loaded.get(path)
            if known is not None and known[0] == mark:
                return known[1]
            sha256 = _fingerprint(path)
        except OSError as reason:
            raise SoundfontMissing(f"The soundfont {path} cannot be read: {_why(reason)}") from reason
        font = SoundFont(path, sha256)
        _loaded[path] = (mark, font)
        return font


def fingerprint_of(path: Path) -> str:
    """SHA-256 of a font's file, read once a process (again when the file changed). `SoundfontMissing`."""
    try:
        state = path.stat()
        mark = (state.st_mtime_ns, state.st_size)
        known = _fingerprints.get(path)
        if known is None or known[0] != mark:
            known = _fingerprints[path] = (mark, _fingerprint(path))
    except OSError as reason:
        raise SoundfontMissing(f"The soundfont {path} cannot be read: {_why(reason)}") from reason
    return known[1]


def _candidates() -> Iterator[Path]:
    folders = [Path(folder).expanduser() for folder in SYSTEM_FOLDERS]
    for name in PREFERRED:
        for folder in folders:
            if (folder / name).is_file():
                yield folder / name
    spec = importlib.util.find_spec("pretty_midi")
    if spec is not None and spec.origin:
        bundled = Path(spec.origin).parent / "TimGM6mb.sf2"
        if bundled.is_file():
            yield bundled


def _check_start(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(12)
    except OSError as reason:
        raise SoundfontMissing(f"The soundfont {path} cannot be read: {_why(reason)}") from reason
    if start[:4] != b"RIFF" or start[8:12] != b"sfbk":
        raise SoundfontMissing(f"{path} is not a SoundFont (SF2 or SF3) file")


def _fingerprint(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _why(reason: OSError) -> str:
    return reason.strerror or os.strerror(reason.errno or 0)
