"""Builds small soundfonts, so that tests know every number that is in them."""

import io
import struct
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from app.services.encoding.ogg import page_bytes, read_pages

Generators = list[tuple[int, int]]


def key_range(low: int, high: int) -> tuple[int, int]:
    return 43, low | high << 8


def velocity_range(low: int, high: int) -> tuple[int, int]:
    return 44, low | high << 8


@dataclass
class TinySample:
    wave: np.ndarray
    loop: tuple[int, int] = (0, 0)
    rate: int = 44_100
    root: int = 69
    correction: int = 0
    compressed: bool = False


@dataclass
class TinyFont:
    """One instrument for each entry of `presets`; a zone without a sample is global, `modulators` are the first's."""

    samples: list[TinySample]
    #: (bank, program) to the preset's own generators and its instrument's zones.
    presets: dict[tuple[int, int], tuple[Generators, list[Generators]]]
    modulators: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    #: An odd-sized comment before the samples, with or without its pad byte.
    comment: bytes = b""
    padded: bool = True

    def write(self, path: Path) -> Path:
        path.write_bytes(self.content())
        return path

    def content(self) -> bytes:
        pcm, headers = b"", b""
        for sample in self.samples:
            if sample.compressed:
                stream = io.BytesIO()
                soundfile.write(stream, sample.wave, sample.rate, format="OGG", subtype="VORBIS")
                pages = enumerate(read_pages(stream.getvalue()))  # whose serial is drawn by chance
                start, pcm = len(pcm), pcm + b"".join(page_bytes(page, place) for place, page in pages)
                end, origin, kind = len(pcm), 0, 0x11
            else:
                start = len(pcm) // 2
                pcm += np.round(sample.wave * 32_767).astype("<i2").tobytes()
                end, origin, kind = len(pcm) // 2, start, 1
                pcm += bytes(92)
            headers += struct.pack(
                "<20sIIIIIBbHH", b"sample", start, end, origin + sample.loop[0], origin + sample.loop[1],
                sample.rate, sample.root, sample.correction, 0, kind,
            )  # fmt: skip
        headers += struct.pack("<20sIIIIIBbHH", b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0)
        phdr, pbag, pgen, inst, ibag, igen, imod = b"", b"", b"", b"", b"", b"", b""
        for number, ((bank, program), (own, zones)) in enumerate(self.presets.items()):
            phdr += struct.pack("<20sHHHIII", b"preset", program, bank, len(pbag) // 4, 0, 0, 0)
            pbag += struct.pack("<HH", len(pgen) // 4, 0)
            pgen += _generators([*own, (41, number)])
            inst += struct.pack("<20sH", b"instrument", len(ibag) // 4)
            for place, zone in enumerate(zones):
                ibag += struct.pack("<HH", len(igen) // 4, len(imod) // 10)
                igen += _generators(zone)
                if place == 0:
                    imod += b"".join(struct.pack("<HHhHH", *row) for row in self.modulators)
        phdr += struct.pack("<20sHHHIII", b"EOP", 0, 0, len(pbag) // 4, 0, 0, 0)
        pbag += struct.pack("<HH", len(pgen) // 4, 0)
        inst += struct.pack("<20sH", b"EOI", len(ibag) // 4)
        ibag += struct.pack("<HH", len(igen) // 4, len(imod) // 10)
        info = self._chunk(b"ifil", struct.pack("<HH", 2, 1))
        if self.comment:
            info += self._chunk(b"ICMT", self.comment)
        pdta = b"".join(
            self._chunk(name, table)
            for name, table in (
                (b"phdr", phdr), (b"pbag", pbag), (b"pmod", bytes(10)), (b"pgen", pgen + bytes(4)), (b"inst", inst),
                (b"ibag", ibag), (b"imod", imod + bytes(10)), (b"igen", igen + bytes(4)), (b"shdr", headers),
            )
        )  # fmt: skip
        body = self._chunk(b"LIST", b"INFO" + info)
        body += self._chunk(b"LIST", b"sdta" + self._chunk(b"smpl", pcm)) + self._chunk(b"LIST", b"pdta" + pdta)
        return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"sfbk" + body

    def _chunk(self, name: bytes, content: bytes) -> bytes:
        pad = b"\0" if len(content) % 2 and self.padded else b""
        return name + struct.pack("<I", len(content)) + content + pad


def _generators(rows: Generators) -> bytes:
    return b"".join(struct.pack("<HH", operator, amount & 0xFFFF) for operator, amount in rows)


def sine_sample(frames: int = 4_410, *, level: float = 0.5, periods: int = 44, **more: object) -> TinySample:
    """A sine at 440 Hz (root A4) whose loop is the whole of it."""
    wave = level * np.sin(2 * np.pi * periods * np.arange(frames) / frames)
    return TinySample(wave=wave, loop=(0, frames), **more)  # type: ignore[arg-type]
