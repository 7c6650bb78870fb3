"""SoundFont 2 and 3 files: bytes go in, presets as playable zones and samples as numbers come out.

After the SoundFont Technical Specification 2.04, sections 4–8. SF3 is the same with samples as Ogg Vorbis streams.
24-bit samples are read as 16-bit (the `sm24` chunk is left out).
"""

import io
import mmap
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.errors import SoundfontMissing
from app.services.instruments.modulators import Modulator
from app.services.instruments.riff import BrokenRiff, Chunk, chunk_map
from app.services.instruments.sources import CACHE
from app.services.instruments.zones import Layer, Zone, join_layers

#: Record layouts of the "hydra" (specification, section 7).
_PRESET = np.dtype([("name", "S20"), ("program", "<u2"), ("bank", "<u2"), ("bag", "<u2"), ("", "<u4", (3,))])
_INSTRUMENT = np.dtype([("name", "S20"), ("bag", "<u2")])
_BAG = np.dtype([("generator", "<u2"), ("modulator", "<u2")])
_GENERATOR = np.dtype([("operator", "<u2"), ("amount", "<i2")])
_MODULATOR = np.dtype([("source", "<u2"), ("to", "<u2"), ("amount", "<i2"), ("by", "<u2"), ("transform", "<u2")])
_SAMPLE = np.dtype(
    [("name", "S20"), ("start", "<u4"), ("end", "<u4"), ("loop_start", "<u4"), ("loop_end", "<u4"), ("rate", "<u4"),
     ("root", "u1"), ("correction", "i1"), ("link", "<u2"), ("kind", "<u2")]
)  # fmt: skip
_RECORDS = {
    "phdr": _PRESET, "pbag": _BAG, "pgen": _GENERATOR, "pmod": _MODULATOR, "inst": _INSTRUMENT, "ibag": _BAG,
    "igen": _GENERATOR, "imod": _MODULATOR, "shdr": _SAMPLE,
}  # fmt: skip

#: Operators that end a zone: which instrument, which sample.
_GEN_INSTRUMENT = 41
_GEN_SAMPLE = 53
#: Bit of a sample's kind that says it is compressed (SF3).
_COMPRESSED = 0x10


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleHeader:
    """What a font knows about one of its samples."""

    name: str
    #: Frames a second at which it was recorded.
    rate: int
    #: MIDI pitch at which it sounds as recorded, and cents to add.
    root: int
    correction_cents: int
    #: Frames, and the loop inside them (`loop_end` not included).
    frames: int
    loop_start: int
    loop_end: int


class _Pcm:
    """A decoded sample, as the cache wants it."""

    def __init__(self, samples: NDArray[np.int16], nbytes: int) -> None:
        self.samples = samples
        self.nbytes = nbytes
        #: Largest amplitude, of 32,768.
        self.peak = int(max(samples.max(), -int(samples.min()))) if len(samples) else 0


class SoundFont:
    """A font whose tables are read; zones and samples follow when they are asked for. Thread-safe."""

    def __init__(self, path: Path, sha256: str) -> None:
        """Read the tables of the file; `SoundfontMissing` if it is not a whole SF2 or SF3 file."""
        self.path = path
        #: SHA-256 of the file, hexadecimal.
        self.sha256 = sha256
        self._lock = threading.Lock()
        self._zones: dict[tuple[int, int], tuple[Zone, ...]] = {}
        self._headers: dict[int, SampleHeader] = {}
        try:
            with path.open("rb") as file:
                self._content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            found = chunk_map(self._content, "sfbk")
            self._tables = {name: self._table(found, name) for name in _RECORDS}
            self._pcm = found["smpl"]
            self._check()
        except (BrokenRiff, KeyError, ValueError, OSError) as reason:
            raise SoundfontMissing(f"{path} is not a whole SoundFont (SF2 or SF3) file: {reason}") from reason
        #: (bank, program) to the preset's place in the table.
        self.presets: dict[tuple[int, int], int] = {
            (int(row["bank"]), int(row["program"])): place
            for place, row in reversed(list(enumerate(self._tables["phdr"][:-1])))
        }

    def zones(self, bank: int, program: int) -> tuple[Zone, ...]:
        """Zones of a preset in the file's order; KeyError if there is no such preset."""
        key = (bank, program)
        place = self.presets[key]
        with self._lock:
            if key not in self._zones:
                self._zones[key] = self._read_preset(place)
            return self._zones[key]

    def sample(self, place: int) -> SampleHeader:
        """What is known about a sample."""
        with self._lock:
            if place not in self._headers:
                self._headers[place] = self._read_header(place)
            return self._headers[place]

    def pcm(self, place: int) -> NDArray[np.int16]:
        """Frames of a sample, mono, as recorded; read-only."""
        return CACHE.get(("pcm", self.sha256, place), lambda: self._read_pcm(place)).samples

    def peak(self, place: int) -> float:
        """Largest amplitude of a sample, 0…1."""
        return CACHE.get(("pcm", self.sha256, place), lambda: self._read_pcm(place)).peak / 32_768

    def rest(self) -> None:
        """Let the system have the pages of samples nobody plays just now; they come back when they are read."""
        if hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
            self._content.madvise(mmap.MADV_DONTNEED)

    def _table(self, found: dict[str, Chunk], name: str) -> NDArray[np.void]:
        chunk, layout = found[name], _RECORDS[name]
        if chunk.size < layout.itemsize or chunk.size % layout.itemsize:
            raise BrokenRiff(f"chunk {name} has {chunk.size} bytes, no multiple of {layout.itemsize}")
        return np.frombuffer(self._content[chunk.first : chunk.last], layout)

    def _check(self) -> None:
        """Every index must lie inside the table it points to, and none may go back."""
        tables = self._tables
        for owner, field, owned in (
            ("phdr", "bag", "pbag"), ("pbag", "generator", "pgen"), ("pbag", "modulator", "pmod"),
            ("inst", "bag", "ibag"), ("ibag", "generator", "igen"), ("ibag", "modulator", "imod"),
        ):  # fmt: skip
            indices = tables[owner][field].astype(np.int64)
            if np.any(np.diff(indices) < 0) or indices[-1] >= len(tables[owned]) + (owned in ("pmod", "imod")):
                raise BrokenRiff(f"table {owner} points outside table {owned}")
        for table, operator, owned in (("pgen", _GEN_INSTRUMENT, "inst"), ("igen", _GEN_SAMPLE, "shdr")):
            rows = tables[table]
            used = rows["amount"][rows["operator"] == operator].view(np.uint16)
            if used.size and used.max() >= len(tables[owned]) - 1:
                raise BrokenRiff(f"table {table} points outside table {owned}")

    def _read_preset(self, place: int) -> tuple[Zone, ...]:
        zones: list[Zone] = []
        for outer in self._layers("phdr", place, _GEN_INSTRUMENT):
            zones += [join_layers(outer, inner) for inner in self._layers("inst", outer.target, _GEN_SAMPLE)]
        return tuple(zone for zone in zones if zone.playable)

    def _layers(self, owner: str, place: int, terminal: int) -> list[Layer]:
        """Zones of a preset or an instrument, the global one worked into the others."""
        letter = "p" if owner == "phdr" else "i"
        bags, generators, modulators = (self._tables[letter + name] for name in ("bag", "gen", "mod"))
        rows = self._tables[owner]
        everywhere = Layer()
        found: list[Layer] = []
        for bag in range(int(rows[place]["bag"]), int(rows[place + 1]["bag"])):
            here, following = bags[bag], bags[bag + 1]
            layer = everywhere.with_rows(
                [
                    (int(row["operator"]), int(row["amount"]))
                    for row in generators[here["generator"] : following["generator"]]
                ],
                [
                    Modulator(*(int(value) for value in row))
                    for row in modulators[here["modulator"] : following["modulator"]]
                ],
                terminal=terminal,
            )
            if layer.ended:
                found.append(layer)
            elif not found and everywhere.empty:
                everywhere = layer
        return found

    def _read_header(self, place: int) -> SampleHeader:
        row = self._tables["shdr"][place]
        start = int(row["start"])
        compressed = bool(row["kind"] & _COMPRESSED)
        frames = len(self.pcm(place))
        # SF3 counts its loop from the sample's own first frame, SF2 from the first frame of all.
        origin = 0 if compressed else start
        loop_start = min(max(int(row["loop_start"]) - origin, 0), frames)
        return SampleHeader(
            name=row["name"].split(b"\0")[0].decode("latin-1"),
            rate=int(row["rate"]) or 44_100,
            root=int(row["root"]) if row["root"] <= 127 else 60,
            correction_cents=int(row["correction"]),
            frames=frames,
            loop_start=loop_start,
            loop_end=min(max(int(row["loop_end"]) - origin, loop_start), frames),
        )

    def _read_pcm(self, place: int) -> _Pcm:
        row = self._tables["shdr"][place]
        start, end = int(row["start"]), int(row["end"])
        if row["kind"] & _COMPRESSED:
            return self._decode(place, self._content[self._pcm.first + start : self._pcm.first + end])
        first = min(self._pcm.first + 2 * start, self._pcm.last)
        frames = max(0, min(2 * (end - start), self._pcm.last - first) // 2)
        samples = np.frombuffer(self._content, "<i2", frames, first)
        if not samples.flags.aligned:  # A pad byte is missing before: taking from it would copy it each time.
            copied = samples.astype(np.int16)
            return _Pcm(copied, copied.nbytes)
        return _Pcm(samples, 0)

    def _decode(self, place: int, stream: bytes) -> _Pcm:
        import soundfile

        try:
            samples, _ = soundfile.read(io.BytesIO(stream), dtype="int16", always_2d=True)
        except soundfile.LibsndfileError as reason:
            raise SoundfontMissing(f"{self.path}: sample {place} cannot be decoded: {reason}") from reason
        mono = np.ascontiguousarray(samples[:, 0])
        return _Pcm(mono, mono.nbytes)
