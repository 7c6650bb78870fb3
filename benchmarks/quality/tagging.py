"""An outside tagger, where there is one: a command that names what it hears in audio files.

The command is given the paths of audio files and prints one JSON object: path, then tag, then likelihood (0…1). Which
tags mean which of our words stands in `tags.toml`.
"""

import json
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.quality.figures import auc
from benchmarks.quality.prompts import Prompt

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TABLE = Path(__file__).with_name("tags.toml")

#: Prompt id, then tag, to likelihood.
Tags = Mapping[str, Mapping[str, float]]

#: Tracks that the command is given at once.
_AT_ONCE = 8


def ask(command: str, files: Mapping[str, Path]) -> Tags:
    """What the tagger hears in each prompt's file. `CalledProcessError` if it fails."""
    answers: dict[str, Mapping[str, float]] = {}
    names = list(files)
    for first in range(0, len(names), _AT_ONCE):
        some = names[first : first + _AT_ONCE]
        paths = [str(files[name]) for name in some]
        done = subprocess.run([*shlex.split(command), *paths], stdout=subprocess.PIPE, check=True)
        heard = json.loads(done.stdout)
        answers.update({name: heard[path] for name, path in zip(some, paths, strict=True)})
    return answers


def tag_aucs(prompts: Sequence[Prompt], tags: Tags, kind: str) -> dict[str, float]:
    """How well each tag's likelihood tells the prompts that ask for it from the others: an AUC by tag.

    `kind` is "instruments" or "genres". Tags that no prompt asks for are left out.
    """
    table: Mapping[str, Mapping[str, Sequence[str]]] = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    values = {}
    for tag, words in table[kind].items():
        asked: list[float] = []
        others: list[float] = []
        for prompt in prompts:
            likelihood = tags[prompt.id].get(tag)
            if likelihood is not None:
                wanted = prompt.instruments if kind == "instruments" else prompt.styles
                (asked if set(words) & set(wanted) else others).append(likelihood)
        value = auc(asked, others)
        if value is not None:
            values[tag] = value
    return values
