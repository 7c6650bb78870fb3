"""What an outside tagger hears, held against what was asked; which of its tags mean which of our words: `tags.toml`."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.services.planning import refused_by
from benchmarks.quality.figures import auc
from benchmarks.quality.outside import Heard
from benchmarks.quality.prompts import Prompt

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TABLE = Path(__file__).with_name("tags.toml")


def tag_aucs(
    prompts: Sequence[Prompt], tags: Heard, kind: str, ensembles: Mapping[str, Sequence[str]]
) -> dict[str, float]:
    """How well each tag's likelihood tells the prompts that ask for it from the others: an AUC by tag.

    `kind` is "instruments" or "genres"; `ensembles` names the instruments of some of the tracks by prompt. Tags that no
    prompt asks for are left out. Those who did not ask for an instrument, but whose track has it, are none of the
    others: who hears a guitar in a folk song hears rightly. Nor are those who leave their genre open, altogether or
    between one that the tag means and another: a street in the snow may well be ambient, and so may a meditation.
    """
    table: Mapping[str, Mapping[str, Sequence[str]]] = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    values = {}
    for tag, words in table[kind].items():
        meant = frozenset[str]().union(*(refused_by(word) for word in words if kind == "instruments"))
        asked: list[float] = []
        others: list[float] = []
        for prompt in prompts:
            likelihood = tags[prompt.id].get(tag)
            wanted = prompt.instruments if kind == "instruments" else prompt.styles
            if likelihood is None:
                continue
            meets = set(words) & set(wanted)
            if meets and (kind == "instruments" or meets == set(wanted)):
                asked.append(likelihood)
            elif meets:
                continue
            elif wanted if kind == "genres" else meant.isdisjoint(ensembles.get(prompt.id, ())):
                others.append(likelihood)
        value = auc(asked, others)
        if value is not None:
            values[tag] = value
    return values
