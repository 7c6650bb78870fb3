"""Who may know whom: imports point down only, and each outside thing has its own place."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.processes import unfollowed

ROOT = Path(__file__).resolve().parents[2]

#: From the top down; the members of a row do not know each other.
LAYERS = (
    ("app.main", "app.cli", "app.worker"),
    ("app.single", "app.upkeep"),
    ("app.wiring",),
    ("app.routers",),
    (
        "app.services.clips",
        "app.services.comparing",
        "app.services.finetunes",
        "app.services.following",
        "app.services.offering",
        "app.services.watching",
    ),
    ("app.services.groups",),
    ("app.services.generator",),
    ("app.services.residence",),
    ("app.services.pipeline",),
    ("app.services.broadcast",),
    ("app.services.workshop",),
    ("app.services.finetuning",),
    ("app.services.engines",),
    (
        "app.services.planning", "app.services.composing", "app.services.instruments",
        "app.services.mixing", "app.services.encoding", "app.services.listening",
        "app.services.learning",
    ),
    ("app.services.hooks", "app.services.jobs"),
    ("app.services.access",),
    ("app.services.metering",),
    ("app.services.storage",),
    ("app.services.styles",),
    ("app.services.theory", "app.services.dsp"),
    ("app.models",),
    ("app.errors",),
    ("app.utils",),
)  # fmt: skip

#: What points another way, each for a reason.
EXCEPTIONS = {
    # MusicGeneratorService() without arguments is promised to Python users, and only wiring makes objects.
    ("app.services.generator", "app.wiring"),
    # What the server hands to a worker loads the music only there.
    ("app.services.workshop", "app.services.pipeline"),
    ("app.services.workshop", "app.services.residence"),
    # `serve` hands the application to uvicorn.
    ("app.cli", "app.main"),
    # `worker` is a program of its own, started by the same command line.
    ("app.cli", "app.worker"),
}

#: Settings are read where objects are made, and by the programs that begin there.
READ_SETTINGS = {"app.main", "app.cli", "app.worker", "app.single", "app.upkeep", "app.wiring"}

#: Where files are written.
WRITERS = {"app.services.storage", "app.services.encoding"}

#: Calls that write what a file holds.
WRITING = {"write_text", "write_bytes", "save", "savez", "tofile", "dump"}

MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "app").rglob("*.py"))
}


@cache
def tree(module):
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def imported(module):
    """Full names of the modules that a module imports, wherever in it."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports by dots; the whole name says where a thing is"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in MODULES else node.module


def place(module):
    """(row, name) of the member of LAYERS that a module belongs to; None for what belongs to none."""
    for row, names in enumerate(LAYERS):
        for name in names:
            if module == name or module.startswith(f"{name}."):
                return row, name
    return None


PLACED = [name for name in MODULES if name not in ("app", "app.config", "app.services")]


def own(module):
    return [name for name in imported(module) if name in MODULES and name not in ("app", "app.config")]


def test_every_module_has_a_place_in_the_designs_order():
    assert [name for name in PLACED if place(name) is None] == []


def test_imports_point_down():
    upward = []
    for module in PLACED:
        row, member = place(module)
        for name in own(module):
            there = place(name)
            if there[1] != member and there[0] <= row and (module, name) not in EXCEPTIONS:
                upward.append((module, name))

    assert upward == []


def test_no_exception_is_out_of_use():
    assert {(module, name) for module, name in EXCEPTIONS if name not in imported(module)} == set()


def users_of(*packages):
    """Modules that import one of the packages."""
    return {
        module
        for module in MODULES
        for name in imported(module)
        if any(name == package or name.startswith(f"{package}.") for package in packages)
    }


def test_only_main_and_the_routers_know_fastapi():
    beyond = {name for name in users_of("fastapi", "starlette") if not name.startswith(("app.main", "app.routers"))}

    assert beyond == set()


def test_settings_are_read_where_objects_are_made():
    assert users_of("app.config") <= READ_SETTINGS


def test_only_config_reads_the_environment():
    readers = {
        module
        for module in MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
    }

    # The other side of an engine, a program in another environment, tells the library there how to behave.
    assert readers <= {"app.config", "app.services.engines.magenta.child"}


def test_only_storage_and_encoding_write_files():
    writers = {
        module for module in MODULES for node in ast.walk(tree(module)) if isinstance(node, ast.Call) and writes(node)
    }

    # A training keeps what it has reached in a folder that storage gave it.
    assert {name for name in writers if place(name)[1] not in ("app.services.storage", "app.services.encoding")} <= {
        "app.services.engines.musicgen_lessons"
    }


def writes(call):
    """Whether a call looks like one that writes a file: a heuristic, by its name and its mode."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name == "open":
        modes = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        modes += [k.value.value for k in call.keywords if k.arg == "mode" and isinstance(k.value, ast.Constant)]
        return any(set(mode) <= set("rwaxbt+") and set(mode) & set("wax+") for mode in modes)
    return name in WRITING and isinstance(call.func, ast.Attribute)


def test_the_heuristic_knows_a_write_when_it_sees_one():
    def call(text):
        return ast.parse(text).body[0].value

    assert writes(call("open('a.txt', 'w')"))
    assert writes(call("path.open(mode='ab')"))
    assert writes(call("path.write_bytes(b'')"))
    assert not writes(call("path.open()"))
    assert not writes(call("open('wax.txt')"))


def test_the_server_loads_no_music():
    loaded = subprocess.run(
        [sys.executable, "-c", "import app.main, sys; print(' '.join(sys.modules))"],
        cwd=ROOT, env=unfollowed(), capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip

    assert "app.services.generator" in loaded
    assert [name for name in loaded if name in ("scipy", "soundfile", "app.services.pipeline")] == []


def test_composing_never_sees_samples():
    seen = {
        name
        for module in MODULES
        if module.startswith("app.services.composing")
        for name in imported(module)
        if name.startswith(("app.models.audio", "soundfile", "scipy", "app.services.dsp"))
    }

    assert seen == set()


def test_playing_and_mixing_never_see_words_or_styles():
    seen = {
        f"{module} > {name}"
        for module in MODULES
        if module.startswith(("app.services.instruments", "app.services.mixing"))
        for name in imported(module)
        if name.startswith(("app.models.brief", "app.services.styles", "app.services.planning"))
    }

    assert seen == set()


def test_neural_frameworks_stay_in_their_engines_and_load_late():
    beyond = {name for name in users_of("torch", "jax", "transformers") if not name.startswith("app.services.engines.")}
    early = {
        module
        for module in MODULES
        for node in tree(module).body
        if isinstance(node, (ast.Import, ast.ImportFrom))
        and (getattr(node, "module", None) or node.names[0].name).partition(".")[0] in ("torch", "jax", "transformers")
    }

    assert beyond == set()
    assert early == set()


#: Packages that requirements/dev.txt brings, by the names they are imported under.
OF_DEVELOPERS = {"huggingface_hub", "hypothesis", "psutil", "requests", "schemathesis", "standardwebhooks", "yaml"}

#: What one of them does not come without.
BRINGS = {"schemathesis": ("hypothesis",)}

#: Tests with an environment of their own.
ELSEWHERE = ("tests/browser", "tests/distributed", "tests/neural")


def needed_without_asking(path):
    """Developers' packages that a file imports before it has asked pytest to skip it where they are missing."""
    asked, needed = set(), set()
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.importorskip":
                asked |= {name := ast.literal_eval(node.args[0]), *BRINGS.get(name, ())}
        names = []
        if isinstance(statement, ast.Import):
            names = [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom):
            names = [statement.module or ""]
        for name in names:
            needed |= ({name.partition(".")[0]} & OF_DEVELOPERS) - asked
            if name.startswith("benchmarks."):  # what a measurement needs, its test needs
                needed |= needed_without_asking(source_of(name)) - asked
    return needed


def source_of(module):
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def test_tests_can_be_collected_with_requirements_txt_alone():
    files = [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "tests").rglob("*.py"))]
    needing = {name: needed_without_asking(ROOT / name) for name in files if not name.startswith(ELSEWHERE)}

    assert {name: needed for name, needed in needing.items() if needed} == {}
