"""What is fuzzed: each target takes bytes and raises for nothing but a mistake of ours.

What a parser may refuse is caught here; whatever else it raises, and whatever it promises and does not keep, is found.
"""

import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from app.errors import InvalidFields, SoundfontMissing
from app.models.asked import asked_of
from app.models.brief import Brief
from app.models.plan import Plan
from app.routers.ranged import MOST_RANGES, Unsatisfiable, client_has, parse_range
from app.services.composing import compose
from app.services.instruments.sf2 import SoundFont
from app.services.learning.corpus import MOST_UNPACKED_BYTES, read_corpus
from app.services.learning.reading import FileUnusable, read_tune
from app.services.planning import make_plan, read
from app.services.planning.posted import check_length, plan_of
from tests.instruments.building import TinyFont, key_range, sine_sample
from tests.learning.corpora import jig

#: Presets, and samples of each, that are looked at in a font.
SOME = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A parser, what it is begun with, and how many mutants of that the default selection tries."""

    try_it: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    #: Words that are put into mutants.
    words: tuple[bytes, ...] = ()
    few: int = 200


def try_prompt(content: bytes) -> None:
    """Any words give a brief that can be written down and read again, and a plan of just the length."""
    words = content.decode("utf-8", "replace")[:500]
    brief = read(words)
    assert Brief.model_validate_json(brief.model_dump_json()) == brief
    plan = make_plan(brief, duration_s=30, seed=7, soundfont_sha256=None)
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


def try_range(content: bytes) -> None:
    """Whatever is asked lies within the file, in no byte twice."""
    header, _, rest = content.decode("latin-1").partition("\n")
    size = 1_000 + len(rest)
    try:
        spans = parse_range(header, size)
    except Unsatisfiable:
        return
    assert len(spans) <= MOST_RANGES
    assert all(0 <= span.start < span.end <= size for span in spans)
    ordered = sorted(spans, key=lambda span: span.start)
    assert all(one.end <= following.start for one, following in pairwise(ordered))
    client_has(header, '"etag"')


def try_plan(content: bytes) -> None:
    """What is accepted as a plan can be composed; what is refused is refused by name."""
    try:
        posted = json.loads(content)
    except (ValueError, RecursionError):  # refused as no JSON before anybody asks for a plan
        return
    try:
        asked = asked_of({"plan": posted})
        if asked is None or asked.plan is None:
            return
        plan = plan_of(asked.plan, soundfont_sha256=None)
        check_length(plan, "plan")  # as the service does: thousands of bars are for no twelve seconds
    except InvalidFields as error:
        _check_reasons([fault.message for fault in error.faults])
        return
    score = compose(plan)
    assert all(note.length_beats > 0 and 0 <= note.pitch <= 127 for part in score.parts for note in part.notes)


def try_midi(content: bytes) -> None:
    """A tune, or a reason why there is none."""
    try:
        tune = read_tune(content)
    except FileUnusable as error:
        _check_reasons([str(error)])
        return
    assert tune.lines
    assert 30 <= tune.tempo_bpm <= 300


def try_zip(content: bytes) -> None:
    """Each file of it is a tune, or is left out with a reason; no more is unpacked than may be."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        path = Path(folder, "sent")
        path.write_bytes(content)
        corpus = read_corpus(["sent.zip"], [str(path)], lambda part: None)
        assert [one.name for one in Path(folder).iterdir()] == ["sent"]
    assert all(skipped.reason and skipped.file.isprintable() for skipped in corpus.skipped)
    assert corpus.notes < MOST_UNPACKED_BYTES


def try_soundfont(content: bytes) -> None:
    """A font of which every sample can be read, or a reason why there is none."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        path = Path(folder, "font.sf2")
        path.write_bytes(content)
        try:
            font = SoundFont(path, hashlib.sha256(content).hexdigest())
            for bank, program in list(font.presets)[:SOME]:
                for zone in font.zones(bank, program)[:SOME]:
                    header = font.sample(zone.sample)
                    frames = font.pcm(zone.sample)
                    assert 0 <= header.loop_start <= header.loop_end <= header.frames == len(frames)
                    assert 0.0 <= font.peak(zone.sample) <= 1.0
        except SoundfontMissing as error:
            _check_reasons([str(error)])


def _check_reasons(reasons: list[str]) -> None:
    assert reasons
    assert all(reasons)


def _fonts() -> list[bytes]:
    zones = [[key_range(0, 60), (53, 0)], [key_range(61, 127), (53, 1)]]
    presets = {(0, 0): ([], zones), (0, 5): ([], [[(53, 0)]]), (128, 0): ([], [[(53, 1)]])}
    modulators = [(0x0502, 8, -2_400, 0, 0), (0x00DB, 16, 1_000, 0, 0)]
    plain = TinyFont(
        [sine_sample(400), sine_sample(300, level=0.2)], presets, modulators=modulators, comment=b"odd", padded=False
    )
    packed = TinyFont([sine_sample(2_000), sine_sample(2_000, compressed=True)], presets)
    return [plain.content(), packed.content()]


def _plans() -> list[bytes]:
    made = [
        make_plan(read(words), duration_s=duration_s, seed=7, soundfont_sha256=None)
        for words, duration_s in (("calm piano in D dorian", 5), ("fast jazz waltz with drums", 12))
    ]
    return [plan.model_dump_json().encode() for plan in made]


def _zips() -> list[bytes]:
    packed = []
    for kind in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA):
        into = io.BytesIO()
        with zipfile.ZipFile(into, "w", kind) as archive:
            for name, content in (
                ("a.mid", jig(1, bars=4)),
                ("folder/b\u00e9.mid", jig(2, bars=2)),
                ("__MACOSX/a.mid", b"litter"),
            ):
                archive.writestr(zipfile.ZipInfo(name), content, kind)
        packed.append(into.getvalue())
    return packed


TARGETS: dict[str, Target] = {
    "prompt": Target(
        try_it=try_prompt,
        seeds=lambda: [
            b"relaxing piano melody for meditation",
            b"120 bpm techno in F# minor, 7/8, no drums",
            "lied für klavier, langsam, ohne schlagzeug".encode(),
            "悲しいピアノ".encode(),
            "موسيقى هادئة".encode(),
            b"not fast, not slow, 999 bpm, 0/0, key of H, without without piano",
        ],
        words=(b"bpm ", b"no ", b"without ", b"in C ", b"7/8 ", b"-1", b"99999999999", b"\xe2\x80\xae", b"very "),
        few=30,
    ),
    "range": Target(
        try_it=try_range,
        seeds=lambda: [b"bytes=0-9", b"bytes=0-0,5-6,-5\nxxxx", b"bytes=5-", b"bytes=-0", b'W/"a", "etag", *'],
        words=(b"bytes=", b"-", b",", b"18446744073709551616", b"0-0,", b"=", b" ", b"\t"),
        few=2_000,
    ),
    "plan": Target(
        try_it=try_plan,
        seeds=_plans,
        words=(b"null", b"-1", b"0", b"1e308", b"[]", b"{}", b"true", b'""', b"1e-9", b"127", b"128", b"NaN"),
        few=100,
    ),
    "midi": Target(
        try_it=try_midi,
        seeds=lambda: [jig(1, bars=4), jig(2, bars=8)],
        words=(b"MThd", b"MTrk", b"\xff\x51\x03", b"\xff\x58\x04", b"\xff\x2f\x00", b"\xf0", b"\xff\xff\xff\x7f"),
    ),
    "zip": Target(
        try_it=try_zip,
        seeds=_zips,
        words=(b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06", b"\xff\xff\xff\xff", b"../", b"\0"),
    ),
    "soundfont": Target(
        try_it=try_soundfont,
        seeds=_fonts,
        words=(b"RIFF", b"sfbk", b"LIST", b"OggS", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\x7f", b"\0\x80"),
    ),
}


def mutants(target: Target, count: int, seed: int) -> list[bytes]:
    """So many variants of a target's seeds, the same for the same number."""
    dice = np.random.default_rng(seed)
    seeds = target.seeds()
    return [_mutant(seeds, target.words, dice) for _ in range(count)]


def _mutant(seeds: list[bytes], words: tuple[bytes, ...], dice: np.random.Generator) -> bytes:
    content = bytearray(seeds[dice.integers(len(seeds))])
    for _ in range(int(dice.geometric(0.35))):
        place = int(dice.integers(len(content) + 1))
        length = int(min(dice.geometric(0.1), len(content) - place))
        match dice.integers(7):
            case 0 if place < len(content):  # another bit
                content[place] ^= 1 << int(dice.integers(8))
            case 1 if place < len(content):  # another byte, often one at an edge
                content[place] = int(dice.choice([0, 1, 0x7F, 0x80, 0xFF, int(dice.integers(256))]))
            case 2:  # something is missing
                del content[place : place + length]
            case 3:  # something is there twice
                content[place:place] = content[place : place + length]
            case 4 if words:  # a word stands there, put in or written over
                word = words[dice.integers(len(words))]
                content[place : place + int(dice.integers(2)) * len(word)] = word
            case 5:  # the end is missing
                del content[place:]
            case _:  # the end of another one follows
                other = seeds[dice.integers(len(seeds))]
                content[place:] = other[int(dice.integers(len(other) + 1)) :]
    return bytes(content)
