"""What an outside tagger hears, held against what was asked; which of its tags mean which of our words: `tags.toml`."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.quality.figures import auc
from benchmarks.quality.outside import Heard
from benchmarks.quality.prompts import Prompt

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TABLE = Path(__file__).with_name("tags.toml")


def tag_aucs(prompts: Sequence[Prompt], tags: Heard, kind: str) -> dict[str, float]:
    """How well each tag's likelihood tells the prompts that ask for it from the others: an AUC by tag.

    `kind` is "instruments" or "genres". Tags that no prompt asks for are left out, and of genres prompts that leave
    theirs open: a street in the snow may well be ambient.
    """
    table: Mapping[str, Mapping[str, Sequence[str]]] = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    values = {}
    for tag, words in table[kind].items():
        asked: list[float] = []
        others: list[float] = []
        for prompt in prompts:
            likelihood = tags[prompt.id].get(tag)
            wanted = prompt.instruments if kind == "instruments" else prompt.styles
            if likelihood is not None and (wanted or kind == "instruments"):
                (asked if set(words) & set(wanted) else others).append(likelihood)
        value = auc(asked, others)
        if value is not None:
            values[tag] = value
    return values
