"""Blocks with stems → a zip of FLAC files that add up to the mix beside them.

The common gain is known only when the last block has come, and ten stems of 300 s are 1 GB: so the blocks pass through
raw files in the draft's folder, and no more than a block of each is ever in memory.
"""

import json
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from app.models.audio import BLOCK_FRAMES, SAMPLE_RATE, Block, Samples
from app.models.plan import Plan
from app.services.dsp.turning import turns
from app.services.encoding.draft import Draft
from app.services.encoding.encoder import open_encoder
from app.services.encoding.tags import Tags
from app.utils.units import db_to_gain, gain_to_db, seconds_to_frames

MIX = "mix"
#: Highest peak in the zip, in dBFS.
CEILING_DB = -0.1
#: Bytes of a frame in the raw files.
FRAME_BYTES = 8
#: The earliest date a zip can hold, for every file: the same music is the same bytes.
ZIP_DATE = (1980, 1, 1, 0, 0, 0)

INSTRUCTIONS = (
    "Load all stems at the same start, at unity gain and centred: together they are mix.flac, the mix before "
    "mastering. Levels, panning, echo, reverb and the fade at the end of a piece that ends are already in them; a loop "
    "rings on over its beginning. gain_db was applied to every file alike."
)


def write_stems(blocks: Iterable[Block], path: Path, *, plan: Plan, tags: Tags, threads: int = 1) -> None:
    """Write a zip of one 24-bit FLAC a voice of the plan, of `mix.flac`, and of `mix.json` that explains them.

    Every file is exactly as long as the plan says and ends with the master's fade; a loop's joins its own beginning.
    One gain keeps them all below full scale. The bytes do not depend on `threads`. `StorageFailed`.
    """
    frames = plan.duration_s * SAMPLE_RATE
    names = [MIX, *(voice.name for voice in plan.ensemble)]
    with Draft(path) as draft:
        peak = _spool(blocks, draft.folder, names, frames, loop=plan.loop)
        gain = min(1.0, db_to_gain(CEILING_DB) / peak) if peak > 0 else 1.0

        def encode(name: str) -> None:
            title = f"{tags.title or plan.title} – {name}"
            sound = _read_back(draft.folder / f"{name}.raw", gain)
            faded = sound if plan.loop else _faded(sound, frames, plan.mastering.fade_out_s)
            with open_encoder(
                "flac", draft.folder / f"{name}.flac", tags=replace(tags, title=title), frames=frames
            ) as file:
                for block in faded:
                    file.write(block)

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(encode, names))
        with zipfile.ZipFile(draft.file, "w") as archive:
            archive.writestr(_entry("mix.json"), json.dumps(_about(plan, gain), ensure_ascii=False, indent=2) + "\n")
            for name in names:
                with (
                    (draft.folder / f"{name}.flac").open("rb") as file,
                    archive.open(_entry(f"{name}.flac"), "w") as entry,
                ):
                    shutil.copyfileobj(file, entry, 1 << 20)


def _spool(blocks: Iterable[Block], folder: Path, names: list[str], frames: int, *, loop: bool) -> float:
    """Write each name's samples as raw float32, exactly `frames` frames of them; the highest peak of all.

    What comes after the end of a loop is added to its beginning.
    """
    peak = 0.0
    written = 0
    with ExitStack() as stack:
        files = {name: stack.enter_context((folder / f"{name}.raw").open("w+b")) for name in names}
        for block in blocks:
            sounds = {MIX: block.mix, **block.stems}
            if sounds.keys() != files.keys():
                raise ValueError(f"the plan has the voices {names[1:]}, a block has {sorted(block.stems)}")
            count = len(block.mix) if loop else min(len(block.mix), frames - written)
            for place, part in turns(written, count, frames):
                for name, samples in sounds.items():
                    kept = _added(files[name], place.start, np.ascontiguousarray(samples[part], dtype="<f4"))
                    peak = max(peak, float(np.abs(kept).max(initial=0.0)))
            written += count
            if written == frames and not loop:
                break
        for file in files.values():
            file.truncate(frames * FRAME_BYTES)  # a take that ends early is followed by silence
    return peak


def _added(file: BinaryIO, frame: int, samples: Samples) -> Samples:
    """Add samples to what a raw file holds from a frame on, nothing beyond its end; what it holds there now."""
    file.seek(frame * FRAME_BYTES)
    there = np.frombuffer(file.read(len(samples) * FRAME_BYTES), "<f4").reshape(-1, 2)
    if len(there):
        samples = samples.copy()
        samples[: len(there)] += there
        file.seek(frame * FRAME_BYTES)
    file.write(samples.data)
    return samples


def _read_back(raw: Path, gain: float) -> Iterator[Samples]:
    with raw.open("rb") as file:
        while len(block := np.fromfile(file, dtype="<f4", count=BLOCK_FRAMES * 2)):
            yield block.reshape(-1, 2) * np.float32(gain)
    raw.unlink()


def _faded(blocks: Iterable[Samples], frames: int, fade_out_s: float) -> Iterator[Samples]:
    """The blocks with a raised-cosine fade at the end, the same for the mix and for every stem."""
    fade_frames = min(frames, max(1, seconds_to_frames(fade_out_s, SAMPLE_RATE)))
    done = 0
    for block in blocks:
        into_fade = np.arange(done, done + len(block)) - (frames - fade_frames)
        done += len(block)
        if into_fade[-1] > 0:
            place = np.clip(into_fade / fade_frames, 0.0, 1.0)
            yield block * (0.5 + 0.5 * np.cos(np.pi * place)).astype(np.float32)[:, np.newaxis]
        else:
            yield block


def _about(plan: Plan, gain: float) -> dict[str, Any]:
    return {
        "title": plan.title,
        "instructions": INSTRUCTIONS,
        "sample_rate": SAMPLE_RATE,
        "frames": plan.duration_s * SAMPLE_RATE,
        "bits": 24,
        "gain": gain,
        "gain_db": round(gain_to_db(gain), 4),
        "tempo_bpm": plan.tempo_bpm,
        "key": f"{plan.tonic} {plan.mode.replace('_', ' ')}",
        "time_signature": plan.time_signature,
        "mix": f"{MIX}.flac",
        "stems": [
            {"file": f"{voice.name}.flac", "voice": voice.name, "role": voice.role, "instrument": voice.instrument}
            for voice in plan.ensemble
        ],
    }


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, ZIP_DATE)
    entry.create_system = 3  # Unix, wherever it is written: the same bytes on every system
    entry.external_attr = 0o644 << 16
    return entry
