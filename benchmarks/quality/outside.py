"""Outside ears, where there are any: commands that say what they hear in audio files.

A command is given the paths of audio files and prints one JSON object: path, then name, then number. A tagger's names
are its tags, with their likelihood (0…1); a beat tracker's are `tempo_bpm` and `beats_a_bar`.
"""

import json
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

#: Prompt id, then name, to number.
Heard = Mapping[str, Mapping[str, float]]

#: Tracks that a command is given at once.
_AT_ONCE = 8


def ask(command: str, files: Mapping[str, Path]) -> Heard:
    """What the command hears in each prompt's file. `CalledProcessError` if it fails."""
    answers: dict[str, Mapping[str, float]] = {}
    names = list(files)
    for first in range(0, len(names), _AT_ONCE):
        some = names[first : first + _AT_ONCE]
        paths = [str(files[name]) for name in some]
        done = subprocess.run([*shlex.split(command), *paths], stdout=subprocess.PIPE, check=True)
        heard = json.loads(done.stdout)
        answers.update({name: heard[path] for name, path in zip(some, paths, strict=True)})
    return answers
