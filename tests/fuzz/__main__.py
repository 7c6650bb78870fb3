"""Fuzz for long: `python -m tests.fuzz [TARGET ...] --seconds 60`.

Follows which lines are reached where atheris is installed (`python run_tests.py fuzz` sees to that where there is a
wheel of it: Linux on x86-64); elsewhere it draws mutants without that. What is found is written to
`tests/fuzz/found/TARGET/`, where the default selection tries it from then on.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
import time
import traceback
from importlib.util import find_spec
from pathlib import Path

#: Files that broke a target once, by its name.
FOUND = Path(__file__).parent / "found"


def main() -> int:
    """Fuzz each target for so long; 1 if something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", nargs="*")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (default: %(default)s)")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # one target, in this process
    options = parser.parse_args()
    if options.here:
        _follow(options.target[0], options.seconds)
    from tests.fuzz.targets import TARGETS

    names = options.target or list(TARGETS)
    if unknown := set(names) - set(TARGETS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    guided = find_spec("atheris") is not None
    _say(f"guided by atheris: {'yes' if guided else 'no, it is not installed here'}")
    bad = [name for name in names if not (_in_another_process if guided else _draw)(name, options.seconds)]
    _say(f"found something in: {', '.join(bad)}" if bad else "nothing was found")
    return 1 if bad else 0


def _in_another_process(name: str, seconds: int) -> bool:
    _say(f"{name}, for {seconds} s:")
    command = [sys.executable, "-m", "tests.fuzz", name, "--seconds", str(seconds), "--here"]
    return subprocess.run(command, check=False).returncode == 0


def _follow(name: str, seconds: int) -> None:
    """Fuzz a target by the lines that are reached; never returns."""
    import atheris

    with atheris.instrument_imports(include=["app", "mido", "zipfile"], enable_loader_override=False):
        from tests.fuzz.targets import TARGETS
    target = TARGETS[name]
    (FOUND / name).mkdir(parents=True, exist_ok=True)
    corpus = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
    for number, seed in enumerate(target.seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    words = corpus.with_suffix(".dict")
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words))
    told = [f"-max_total_time={seconds}", f"-dict={words}", f"-artifact_prefix={FOUND / name}/", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], str(corpus), *told, "-max_len=65536", "-timeout=30", "-verbosity=0"], target.try_it)
    atheris.Fuzz()


def _draw(name: str, seconds: int) -> bool:
    """Fuzz a target with mutants of its seeds."""
    from tests.fuzz.targets import TARGETS, mutants

    until, number, tried = time.monotonic() + seconds, int(time.time()), 0
    while time.monotonic() < until:
        number += 1
        for content in mutants(TARGETS[name], 20, number):
            tried += 1
            try:
                TARGETS[name].try_it(content)
            except Exception:  # noqa: BLE001 - whatever it is, it is found
                path = FOUND / name / hashlib.sha256(content).hexdigest()[:16]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                _say(f"{name}: {path}\n{traceback.format_exc()}")
                return False
    _say(f"{name}: {tried} tried")
    return True


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
