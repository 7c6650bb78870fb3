"""run.py installs engines, each into the right environment, and says so honestly; run_tests.py tests them there."""

from pathlib import Path

import pytest

import run
import run_tests

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with two engines, one of which needs an environment of its own."""
    folder = tmp_path / "requirements"
    folder.mkdir()
    (tmp_path / "requirements.txt").write_text("numpy\n")
    (folder / "dev.txt").write_text("ruff\n")
    (folder / "fetch.txt").write_text("# What fetching needs.\nhuggingface_hub>=1\n")
    (folder / "hummer.txt").write_text(
        "# Engine hummer: hums.\n# Download: 3 GB.\n-r fetch.txt\n\ntorch>=2.9,<3  # hums in it\nhum\n"
    )
    (folder / "loner.txt").write_text(
        "# Engine loner: is alone.\n# Environment: its own, for it pins what others need newer.\nlone\n"
    )
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(run, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(run_tests, "NEURAL_VENV", tmp_path / ".venv-neural")
    return tmp_path


@pytest.fixture
def shown(monkeypatch, checkout):
    """The commands of pip that the user sees; what run.py does quietly is done by nobody."""
    commands = []

    def pretend(command, *, environment=None):
        if command[1:3] == ["-m", "venv"]:
            python = run.python_of(Path(command[3]))
            python.parent.mkdir()
            python.touch()
        return 0, ""

    monkeypatch.setattr(run, "run", pretend)
    monkeypatch.setattr(run, "show", lambda command, *, environment: commands.append(command) or 0)
    return commands


def test_an_engine_goes_into_the_environment_of_the_service(checkout, shown, capsys):
    assert run.main(["install", "hummer"]) == 0

    (command,) = shown
    assert command[0] == str(run.python_of(checkout / ".venv"))
    assert command[-2:] == ["-r", str(checkout / "requirements" / "hummer.txt")]
    said = capsys.readouterr().out
    for line in ("hummer into .venv:", "Download: 3 GB.", "huggingface_hub>=1", "torch>=2.9,<3", "hum"):
        assert line in said
    assert said.index("Download: 3 GB.") < said.index("hummer is installed in .venv")


def test_installed_once_is_installed(checkout, shown, capsys):
    run.main(["install", "hummer"])
    shown.clear()

    assert run.main(["install", "hummer"]) == 0

    assert shown == []
    assert "hummer is installed in .venv" in capsys.readouterr().out


def test_pytorch_without_cuda_comes_from_its_own_index_first(checkout, shown):
    assert run.main(["install", "--cpu", "hummer"]) == 0

    first, second = shown
    assert first[-3:] == ["torch>=2.9,<3", "--index-url", "https://download.pytorch.org/whl/cpu"]
    assert second[-2:] == ["-r", str(checkout / "requirements" / "hummer.txt")]


def test_an_engine_that_needs_no_pytorch_is_the_same_with_cpu(checkout, shown):
    assert run.main(["install", "loner", "--cpu"]) == 0

    assert len(shown) == 1


def test_an_engine_whose_pins_clash_has_an_environment_of_its_own(checkout, shown, capsys):
    assert run.main(["install", "loner"]) == 0

    assert shown[0][0] == str(run.python_of(checkout / ".venv-loner"))
    assert not (checkout / ".venv").exists()
    assert "loner is installed in .venv-loner" in capsys.readouterr().out


def test_a_pip_that_fails_fails_the_install_and_is_tried_again(checkout, shown, monkeypatch, capsys):
    monkeypatch.setattr(run, "show", lambda command, *, environment: 1)

    assert run.main(["install", "hummer"]) == 1

    assert "pip could not install hummer.txt" in capsys.readouterr().err
    assert not run.is_set_up(checkout / ".venv", ["requirements/hummer.txt"])
    assert run.is_set_up(checkout / ".venv", ["requirements.txt"])


@pytest.mark.parametrize("words", [[], ["nonsense"], ["hummer", "loner"], ["dev"]])
def test_an_unknown_engine_is_refused_with_those_there_are(checkout, shown, capsys, words):
    assert run.main(["install", *words]) == 2

    assert "ENGINE: hummer, loner" in capsys.readouterr().err
    assert shown == []


def test_help_on_installing_needs_no_set_up(checkout, shown, capsys):
    assert run.main(["install", "--help"]) == 0

    assert "--cpu  PyTorch without CUDA" in capsys.readouterr().out
    assert not (checkout / ".venv").exists()


def test_fetching_brings_what_it_needs(checkout, shown, monkeypatch):
    handed = []
    monkeypatch.setattr(run, "hand_over", lambda command: handed.append(command) or 0)

    assert run.main(["fetch", "hums"]) == 0

    assert handed[0][-2:] == ["fetch", "hums"]
    assert run.is_set_up(checkout / ".venv", ["requirements.txt", "requirements/fetch.txt"])


def test_a_command_is_shown_as_it_runs(capfd):
    import os
    import sys

    code = run.show([sys.executable, "-c", "print('halfway'); raise SystemExit(3)"], environment=dict(os.environ))

    assert code == 3
    assert "halfway" in capfd.readouterr().out


# -- run_tests.py ------------------------------------------------------------------------------------------------


@pytest.fixture
def started(monkeypatch):
    commands = []
    monkeypatch.setattr(run_tests, "start", lambda command, **how: commands.append((list(command), how)) or 0)
    return commands


def test_models_are_tested_in_an_environment_of_their_own(checkout, shown, started):
    assert run_tests.neural(["-x"]) == 0

    ((command, how),) = started
    assert command[:2] == ["pytest", "tests/neural"]
    assert command[-1] == "-x"
    assert (how["venv"], how["COVERAGE_FILE"]) == (checkout / ".venv-neural", ".coverage-neural")
    files = ["requirements.txt", "requirements/dev.txt", "requirements/hummer.txt"]
    assert run.is_set_up(checkout / ".venv-neural", files)
    assert run.is_set_up(checkout / ".venv-loner", ["requirements/loner.txt"])
    assert not (checkout / ".venv").exists()


def test_models_whose_packages_cannot_be_had_fail_the_check(checkout, shown, started, monkeypatch, capsys):
    with monkeypatch.context() as patches:
        patches.setattr(run, "show", lambda command, *, environment: 1)
        assert run_tests.neural([]) == 1
    assert "pip could not install loner.txt" in capsys.readouterr().err
    monkeypatch.setattr(run, "run", lambda command, *, environment=None: (1, "no network"))

    assert run_tests.neural([]) == 1

    assert started == []
    assert "no network" in capsys.readouterr().err


def test_lines_are_counted_over_all_selections_together(checkout, started, capsys):
    assert run_tests.combined([]) == 1
    assert "python run_tests.py all neural" in capsys.readouterr().err

    for name in (".coverage", ".coverage-neural"):
        (checkout / name).touch()
    assert run_tests.combined([]) == 0

    combine, report = (command for command, _ in started)
    assert combine[-2:] == [".coverage", ".coverage-neural"]
    assert f"--omit={','.join(run_tests.ON_POSTGRESQL)}" in report

    (checkout / ".coverage-distributed").touch()
    assert run_tests.combined([]) == 0
    combine, report = (command for command, _ in started[2:])
    assert combine[-3:] == [".coverage", ".coverage-neural", ".coverage-distributed"]
    assert "--omit=nothing" in report


def test_what_is_left_out_of_the_default_count_exists_and_is_an_engines_own():
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has no tomllib")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    omitted = settings["tool"]["coverage"]["report"]["omit"]

    assert set(run_tests.ON_POSTGRESQL) < set(omitted)
    assert all((ROOT / path).exists() for path in omitted if "*" not in path)
    assert all(
        path.startswith(
            (
                "app/services/engines/",
                "app/services/learning/lora",
                "app/services/jobs/",
                "app/services/metering/",
                "app/services/storage/",
            )
        )
        for path in omitted
    )
