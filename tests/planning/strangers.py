"""Prompts as strangers write them go in, the share of a musician's expectations that Brief and Plan meet comes out.

Columns of prompts/*.toml, all but `words` optional:

bpm        number that the tempo must be             tempo      range of quarter notes a minute that suits
key        tonic, or tonic and mode                  mode       "major", "minor", or "dark": anything but major
metre      time signature                            genre      any one of these genres or styles
players    words of the instrument table, all heard  without    words of the instrument table, none heard
drums      whether there are drums or percussion     energy     "low", "mid" or "high"
density    "sparse" or "busy"                        loop       whether the end joins the beginning
arc        any one of these courses of energy        language   where it is not the file's

What a prompt does not ask for must not be understood either: that is the field `invented`.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from app.models.brief import Brief
from app.models.plan import Plan
from app.models.score import DRUM_ROLES
from app.services.planning import make_plan, read
from app.services.planning.catalogue import members_of, packaged_styles
from app.services.planning.lexicon import lexicon

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROMPTS = Path(__file__).parent / "prompts"

#: Every third prompt of a file was held out while the tables were made.
HELD_OUT_EVERY = 3

#: Dice that each prompt is planned with; a field is met by the share of them that meets it.
SEEDS = (1, 2)

#: Arousal (−1…1) of a plan by the word for its energy, and density (−1…1) likewise.
ENERGY = {"low": (-1.0, -0.1), "mid": (-0.35, 0.6), "high": (0.25, 1.0)}
DENSITY = {"sparse": (-1.0, -0.1), "busy": (0.1, 1.0)}

_BRIGHT = frozenset({"major", "lydian", "mixolydian"})


@dataclass(frozen=True)
class Expected:
    """A prompt and what a musician expects of it."""

    language: str
    held_out: bool
    columns: Mapping[str, Any]

    @property
    def words(self) -> str:
        return str(self.columns["words"])


@lru_cache(maxsize=1)
def expectations() -> tuple[Expected, ...]:
    """All prompts, languages in alphabetical order."""
    return tuple(
        Expected(row.get("language", path.stem), number % HELD_OUT_EVERY == HELD_OUT_EVERY - 1, row)
        for path in sorted(PROMPTS.glob("*.toml"))
        for number, row in enumerate(tomllib.loads(path.read_text(encoding="utf-8"))["prompts"])
    )


def scores_of(one: Expected) -> dict[str, float]:
    """By field that the prompt asks for: the share (0…1) of plans that meet it."""
    brief = read(one.words)
    plans = [make_plan(brief, duration_s=30, seed=seed, soundfont_sha256=None) for seed in SEEDS]
    met: dict[str, list[bool]] = defaultdict(list)
    for plan in plans:
        for field, right in _checks(one.columns, brief, plan):
            met[field].append(right)
    return {field: sum(rights) / len(rights) for field, rights in met.items()}


def rates(chosen: Sequence[Expected]) -> dict[str, float]:
    """Share of the expectations met, by field and of all (`all`)."""
    sums: dict[str, list[float]] = defaultdict(list)
    for one in chosen:
        for field, share in scores_of(one).items():
            sums[field].append(share)
            sums["all"].append(share)
    return {field: sum(shares) / len(shares) for field, shares in sums.items()}


def _checks(row: Mapping[str, Any], brief: Brief, plan: Plan) -> Iterator[tuple[str, bool]]:
    heard = {voice.instrument for voice in plan.ensemble}
    yield "invented", not tuple(invented(row, brief))
    if "bpm" in row:
        yield "bpm", brief.tempo_bpm is not None and brief.tempo_bpm.value == row["bpm"]
    if "tempo" in row:
        yield "tempo", row["tempo"][0] <= plan.tempo_bpm <= row["tempo"][1]
    if "key" in row:
        tonic, _, mode = row["key"].partition(" ")
        yield "key", plan.tonic == tonic and (not mode or plan.mode == mode)
    if "mode" in row:
        bright = plan.mode in _BRIGHT
        yield "mode", bright if row["mode"] == "major" else not bright
    if "metre" in row:
        yield "metre", plan.time_signature == row["metre"]
    if "genre" in row:
        yield "genre", bool(_genres(brief, plan) & {name.replace("_", "-") for name in row["genre"]})
    for player in row.get("players", ()):
        yield "players", bool(heard & set(members_of(player)))
    for player in row.get("without", ()):
        yield "without", not heard & set(members_of(player))
    if "drums" in row:
        yield "drums", any(voice.role in DRUM_ROLES for voice in plan.ensemble) == row["drums"]
    if "energy" in row:
        yield "energy", _inside(plan.arousal, ENERGY[row["energy"]])
    if "density" in row:
        yield "density", _inside(plan.density, DENSITY[row["density"]])
    if "loop" in row:
        yield "loop", plan.loop == row["loop"]
    if "arc" in row:
        yield "arc", brief.arc is not None and brief.arc.value in row["arc"]


def invented(row: Mapping[str, Any], brief: Brief) -> Iterator[str]:
    """What was understood and not asked for."""
    if brief.tempo_bpm is not None and "bpm" not in row:
        yield f"bpm {brief.tempo_bpm.value:g}"
    if brief.tonic is not None and "key" not in row:
        yield f"key {brief.tonic.value}"
    if brief.time_signature is not None and "metre" not in row:
        yield f"metre {brief.time_signature.value}"
    if brief.loop is not None and brief.loop.value and "loop" not in row:
        yield "loop"
    if brief.drums is not None and "drums" in row and brief.drums.value != row["drums"]:
        yield f"drums {brief.drums.value}"
    expected = {key for player in row.get("players", ()) for key in members_of(player)}
    for one in brief.instruments:
        percussive = lexicon().instruments[one.value].drums if one.value in lexicon().instruments else False
        if not expected & set(members_of(one.value)) and not (percussive and row.get("drums")):
            yield one.value
    refused = {key for player in row.get("without", ()) for key in members_of(player)}
    for one in brief.excluded_instruments:
        if not refused & set(members_of(one.value)) and row.get("drums") is not False:
            yield f"no {one.value}"


def _genres(brief: Brief, plan: Plan) -> set[str]:
    """Names under which the result may be filed: the genre read, its family, the style."""
    names = {plan.style.replace("_", "-"), *packaged_styles()[plan.style].genres[:1]}
    if brief.genre is not None:
        names |= {brief.genre.value, lexicon().genres[brief.genre.value].parent}
    return names


def _inside(value: float, ends: tuple[float, float]) -> bool:
    return ends[0] <= value <= ends[1]
