"""Nothing is read into words that have no musical sense, and words for speed and density move the plan."""

from itertools import pairwise
from pathlib import Path
from statistics import mean

import pytest

from app.services.planning import make_plan, read

#: Everyday nouns, verbs and qualities, drawn by lot from licences, manuals and letters.
ORDINARY = (Path(__file__).parent / "prompts" / "ordinary.txt").read_text(encoding="utf-8").split()

BASES = ("jazz", "ambient", "techno", "orchestral", "lofi", "rock", "guitar", "piano", "pop", "cinematic")

#: From little to much.
DENSITIES = ("barely there", "sparse", "", "busy")
ENERGIES = ("very calm", "calm", "", "energetic")


def test_an_ordinary_word_is_no_instrument_and_no_genre():
    assert {word: found for word in ORDINARY if (found := invented(word))} == {}


def invented(word: str) -> list[object]:
    brief = read(word)
    found = (*brief.instruments, brief.genre, brief.tempo_bpm, brief.tonic, brief.time_signature)
    return [heard.value for heard in found if heard is not None]


def of_plans(prompt: str) -> dict[str, float]:
    plans = [make_plan(read(prompt), duration_s=30, seed=seed, soundfont_sha256=None) for seed in (1, 2, 3)]
    return {
        "tempo_bpm": mean(plan.tempo_bpm for plan in plans),
        "density": mean(plan.density for plan in plans),
        "energy": mean(section.energy for plan in plans for section in plan.form),
        "players": mean(len(plan.ensemble) for plan in plans),
    }


@pytest.mark.parametrize("base", BASES)
def test_words_for_density_move_density_and_band(base: str):
    plans = [of_plans(f"{word} {base}".strip()) for word in DENSITIES]

    for less, more in pairwise(plans):
        assert less["density"] < more["density"]
        assert less["energy"] <= more["energy"]
        assert less["players"] <= more["players"]


@pytest.mark.parametrize("base", BASES)
def test_words_for_energy_move_tempo_density_and_the_curve(base: str):
    plans = [of_plans(f"{word} {base}".strip()) for word in ENERGIES]

    for less, more in pairwise(plans[1:]):
        assert less["tempo_bpm"] <= more["tempo_bpm"]
        assert less["density"] < more["density"]
        assert less["energy"] < more["energy"]
    assert plans[0]["energy"] <= plans[1]["energy"] + 0.02
