#!/usr/bin/env python3
"""Sets up what is missing, then hands over to the service: `python3 run.py` serves.

Rule: the standard library only, in syntax that Python 3.8 reads, so that an older Python hears what it lacks.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"

#: What everything needs; run_tests.py asks for requirements/dev.txt besides.
REQUIREMENTS = "requirements.txt"

#: What `fetch` needs besides.
FETCHING = "requirements/fetch.txt"

#: An engine's requirements file begins with this, and may say in a line that begins with the second that it needs an
#: environment of its own.
ENGINE_LINE, OWN_LINE = "# Engine ", "# Environment: its own"

#: What else can be installed begins with this.
EXTRA_LINE = "# Extra "

#: Where PyTorch is published without CUDA.
TORCH_CPU = "https://download.pytorch.org/whl/cpu"

#: Lowest and highest Python that the requirements were tried on.
OLDEST, NEWEST = (3, 10), (3, 13)

HELP = """\
usage: python3 run.py [command] [options]

  serve    answer on http://localhost:8000 (the default; --host, --port, --reload)
  worker   make what the API nodes of a shared PostgreSQL accept (--engines, --concurrency)
  make     make one track without a server: make "calm piano" --duration 60 --out calm.mp3
  migrate  bring the database's tables up to date
  backup   copy what a server of one machine keeps, while it runs: backup FOLDER
  restore  put a backup back, once the server has ended: restore FOLDER
  keys     API keys for servers that ask for them: keys create NAME, keys list, keys revoke ID
  install  install what an engine needs: install riffusion --cpu
  fetch    fetch a model's weights, or go on where that ended: fetch riffusion-model-v1

The first run sets up .venv beside this file. `python3 run.py COMMAND --help` tells more.
"""

#: Runs in the environment's Python. Only the checkout is put on the path: the folder that the user stands in may hold
#: an `app` of its own, and must stay the current one, for file names are relative to it.
HAND_OVER = """
import sys
sys.path[0], sys.argv = sys.argv[1], ["run.py", *sys.argv[2:]]
from app.cli import main
sys.exit(main())
"""


class SetupFailed(Exception):
    """The environment could not be made; the message says what the user can do."""


def main(arguments: Sequence[str]) -> int:
    """Set up what is missing, then run app.cli with the arguments; its exit code."""
    try:
        if arguments[:1] in (["-h"], ["--help"]) and not is_set_up(VENV, [REQUIREMENTS]):
            print(HELP, end="")
            return 0
        if arguments[:1] == ["install"]:
            return install_engine(arguments[1:])
        python = set_up([REQUIREMENTS, FETCHING] if arguments[:1] == ["fetch"] else [REQUIREMENTS])
    except SetupFailed as failure:
        print(f"{program()}: {failure}", file=sys.stderr)
        return 1
    return hand_over([str(python), "-c", HAND_OVER, str(ROOT), *arguments])


def engines() -> dict[str, Path]:
    """The requirements file of each engine that can be installed."""
    return files_that_begin(ENGINE_LINE)


def files_that_begin(line: str) -> dict[str, Path]:
    """The requirements files that begin with a line, by name."""
    files = sorted((ROOT / "requirements").glob("*.txt"))
    return {path.stem: path for path in files if path.read_text(encoding="utf-8").startswith(line)}


def has_own_environment(path: Path) -> bool:
    """Whether the packages of a requirements file fit into no other environment."""
    return OWN_LINE in path.read_text(encoding="utf-8")


def install_engine(arguments: Sequence[str]) -> int:
    """`install ENGINE [--cpu]`: 0 where the engine's packages are there in the end, 2 for words it does not know."""
    known = {**engines(), **files_that_begin(EXTRA_LINE)}
    cpu = "--cpu" in arguments
    names = [argument for argument in arguments if argument != "--cpu"]
    usage = f"usage: python3 run.py install ENGINE [--cpu]   ENGINE: {', '.join(known)}"
    if names in (["-h"], ["--help"]):
        print(f"{usage}\n  --cpu  PyTorch without CUDA, gigabytes smaller on Linux; from {TORCH_CPU}")
        return 0
    if len(names) != 1 or names[0] not in known:
        said = f"no such engine: {' '.join(names)}" if names else "which engine?"
        print(f"{program()}: {said}\n{usage}", file=sys.stderr)
        return 2
    path = known[names[0]]
    file = path.relative_to(ROOT).as_posix()
    own = has_own_environment(path)
    venv = VENV.with_name(f".venv-{names[0]}") if own else VENV
    if not own:
        set_up([REQUIREMENTS])
    if is_set_up(venv, [file]):
        print(f"{names[0]} is installed in {venv.name}")
        return 0
    print("\n".join([f"{names[0]} into {venv.name}:", *(f"  {line}" for line in asked_for(path))]), flush=True)
    set_up([file], venv=venv, install=lambda: install_loudly(venv, path, cpu=cpu))
    print(f"{names[0]} is installed in {venv.name}")
    return 0


def asked_for(path: Path) -> list[str]:
    """What a requirements file says of itself, and the packages it names; those of files that it includes too."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            lines += asked_for(path.parent / line[3:].strip())
        elif line.strip():
            lines.append(line.lstrip("# "))
    return lines


def install_loudly(venv: Path, path: Path, *, cpu: bool) -> None:
    """Let pip install an engine's file, and show how far it is."""
    pip = [str(python_of(venv)), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    torch = next((line.partition("#")[0].strip() for line in asked_for(path) if line.startswith("torch>")), None)
    steps = [[*pip, "-r", str(path)]]
    if cpu and torch is not None:
        steps.insert(0, [*pip, torch, "--index-url", TORCH_CPU])
    for step in steps:
        if show(step, environment={**os.environ, "PIP_USER": "0"}) != 0:
            # pip resolves before it touches anything, so the environment is as good as before.
            unfinished(venv).unlink()
            raise SetupFailed(f"pip could not install {path.name}; its reasons stand above")


def set_up(files: Sequence[str], *, venv: Path | None = None, install: Callable[[], None] | None = None) -> Path:
    """The environment's Python, after whatever the requirement files newly ask for was installed.

    Does nothing where nothing changed. A second process waits until the first is done. `SetupFailed`.
    """
    venv = VENV if venv is None else venv
    unfit = unfit_python(sys.version_info[:2])
    if unfit:
        raise SetupFailed(unfit)
    if not is_set_up(venv, files):
        try:
            with only_one(venv.with_suffix(".lock")):
                if not is_set_up(venv, files):
                    make(venv, files, install)
        except OSError as error:
            raise SetupFailed(f"{venv} cannot be made: {error}") from error
    return python_of(venv)


def unfit_python(version: tuple[int, ...]) -> str | None:
    """Why this Python will not do, and what would; None if it will."""
    if OLDEST <= version <= NEWEST:
        return None
    import shutil

    names = [f"python{OLDEST[0]}.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    found = next((name for name in names if shutil.which(name)), None)
    advice = f"try: {found} {program()}" if found else "see https://www.python.org/downloads/"
    return f"needs Python 3.10–3.13, and this is {version[0]}.{version[1]}; {advice}"


def python_of(venv: Path) -> Path:
    """Where an environment keeps its Python."""
    return venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python"


def is_set_up(venv: Path, files: Sequence[str]) -> bool:
    """Whether this Python's environment holds what the files ask for, as they stand now."""
    stamp = read_stamp(venv)
    return stamp.items() >= wanted_stamp(files).items() and python_of(venv).exists() and not unfinished(venv).exists()


def wanted_stamp(files: Sequence[str]) -> dict[str, str]:
    """What the stamp of a finished set-up says: the Python and each file's fingerprint."""
    import hashlib

    digests = {name: hashlib.sha256((ROOT / name).read_bytes()).hexdigest() for name in files}
    return {"python": f"{sys.version_info[0]}.{sys.version_info[1]}", **digests}


def read_stamp(venv: Path) -> dict[str, str]:
    """What was installed last; empty if that is not known."""
    try:
        lines = (venv / "installed.txt").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.partition(" ") for line in lines)
    return {name: value for name, _, value in pairs}


def unfinished(venv: Path) -> Path:
    """A file that stands while an environment is being changed; left behind by a set-up that was cut short."""
    return venv / "unfinished"


def make(venv: Path, files: Sequence[str], install_files: Callable[[], None] | None = None) -> None:
    """Make or mend the environment and install the files, by `install_files` or quietly. One process at a time."""
    stamp = read_stamp(venv)
    wanted = wanted_stamp(files)
    fresh = unfinished(venv).exists() or stamp.get("python", wanted["python"]) != wanted["python"] or not works(venv)
    if fresh:
        create(venv)
        stamp = {}
    unfinished(venv).touch()
    if install_files is None:
        install(venv, files)
    else:
        install_files()
    lines = [f"{name} {value}" for name, value in sorted({**stamp, **wanted}.items())]
    (venv / "installed.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    unfinished(venv).unlink()


def works(venv: Path) -> bool:
    """Whether an environment found in place is of this Python and has pip."""
    question = f"import sys, pip; sys.exit(sys.version_info[:2] != {tuple(sys.version_info[:2])})"
    try:
        return python_of(venv).exists() and run([str(python_of(venv)), "-c", question])[0] == 0
    except OSError:
        return False


def create(venv: Path) -> None:
    """An empty environment with pip, in place of whatever stood there."""
    missing = missing_module()
    if missing:
        raise SetupFailed(missing)
    import shutil

    say(f"making {venv.name}")
    old = venv.with_suffix(".old")
    shutil.rmtree(old, ignore_errors=True)
    if venv.exists():
        venv.rename(old)  # in one step, so that no half of it is ever taken for the whole
        shutil.rmtree(old, ignore_errors=True)
    venv.mkdir()
    unfinished(venv).touch()
    # The base interpreter, because the one running may belong to the environment just removed.
    base = getattr(sys, "_base_executable", None) or sys.executable
    code, said = run([base, "-m", "venv", str(venv)])
    if code != 0:
        raise SetupFailed(f"{base} -m venv {venv} failed:\n{said}")


def missing_module() -> str | None:
    """Which package to install where Python comes without venv; None where it is complete."""
    from importlib.util import find_spec

    if find_spec("venv") and find_spec("ensurepip"):
        return None
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return (
        "this Python comes without its venv module. Install it, then run this again:\n"
        f"  Debian, Ubuntu:  sudo apt install {name}-venv\n"
        f"  openSUSE:        sudo zypper install {name.replace('.', '')}-pip\n"
        "  elsewhere:       the Python of https://www.python.org/downloads/ has it"
    )


def install(venv: Path, files: Sequence[str]) -> None:
    """Let pip install the files, quietly."""
    say(f"installing {' and '.join(files)} (a minute or so, only when they changed)")
    pip = [str(python_of(venv)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    for name in files:
        pip += ["-r", str(ROOT / name)]
    # A user's pip may be set to install for the user, which an environment refuses.
    code, said = run(pip, environment={**os.environ, "PIP_USER": "0"})
    if code != 0:
        # pip resolves before it touches anything, so the environment is as good as before.
        unfinished(venv).unlink()
        raise SetupFailed(f"pip could not install the requirements:\n{said}")


def run(command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> tuple[int, str]:
    """A command's exit code and everything that it printed."""
    import subprocess

    ended = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        check=False,
    )
    return ended.returncode, ended.stdout.decode(errors="replace")


def show(command: Sequence[str], *, environment: Mapping[str, str]) -> int:
    """A command's exit code; the user sees what it prints."""
    import subprocess

    return subprocess.run(command, stdin=subprocess.DEVNULL, env=environment, check=False).returncode


def say(text: str) -> None:
    """Tell the user what takes time."""
    print(f"{program()}: {text} …", file=sys.stderr, flush=True)


def program() -> str:
    """Name of the script that the user called."""
    return Path(sys.argv[0]).name


@contextlib.contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold a lock that ends with the process, however it ends."""
    with path.open("a") as file:
        if sys.platform == "win32":
            import msvcrt

            while True:
                with contextlib.suppress(OSError):  # it gives up after ten seconds
                    msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                    break
        else:
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("waiting for another set-up")
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def hand_over(command: Sequence[str]) -> int:
    """Become the command, or where a system cannot do that, wait for it; its exit code."""
    if os.name != "nt":
        sys.stdout.flush()
        os.execv(command[0], list(command))
    import subprocess

    with subprocess.Popen(command) as process:
        while process.poll() is None:
            with contextlib.suppress(KeyboardInterrupt):  # it reached the command too, which knows what to do with it
                process.wait()
    return process.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
