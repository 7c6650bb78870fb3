"""run.py sets up what is missing, once, and says what it lacks."""

import ast
import importlib.util
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import run
import run_tests

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """An empty checkout with one requirements file, and no network: what run.py starts is noted, not run."""
    (tmp_path / "requirements.txt").write_text("numpy\n")
    (tmp_path / "dev.txt").write_text("ruff\n")
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(run, "VENV", tmp_path / ".venv")
    return tmp_path


@pytest.fixture
def started(monkeypatch, checkout):
    """The commands that run.py started, in order; making an environment leaves its Python behind."""
    commands = []

    def pretend(command, *, environment=None):
        commands.append(command)
        if command[1:3] == ["-m", "venv"]:
            python = run.python_of(Path(command[3]))
            python.parent.mkdir()
            python.touch()
        return 0, ""

    monkeypatch.setattr(run, "run", pretend)
    return commands


def installs(commands):
    return [command for command in commands if "install" in command]


def test_a_first_run_makes_the_environment_and_installs_into_it(checkout, started):
    python = run.set_up(["requirements.txt"])

    assert python == run.python_of(checkout / ".venv")
    assert started[0][1:] == ["-m", "venv", str(checkout / ".venv")]
    assert started[1][0] == str(python)
    assert started[1][-2:] == ["-r", str(checkout / "requirements.txt")]


def test_a_second_run_starts_nothing(checkout, started):
    run.set_up(["requirements.txt"])
    started.clear()

    run.set_up(["requirements.txt"])

    assert started == []


def test_changed_requirements_are_installed_into_the_same_environment(checkout, started):
    run.set_up(["requirements.txt"])
    (checkout / ".venv" / "kept").touch()
    (checkout / "requirements.txt").write_text("numpy\nscipy\n")
    started.clear()

    run.set_up(["requirements.txt"])

    assert len(installs(started)) == 1
    assert (checkout / ".venv" / "kept").exists()


def test_what_another_command_installed_is_remembered(checkout, started):
    run.set_up(["requirements.txt", "dev.txt"])
    (checkout / "requirements.txt").write_text("numpy\nscipy\n")
    run.set_up(["requirements.txt"])

    assert run.is_set_up(checkout / ".venv", ["requirements.txt", "dev.txt"])


def test_an_environment_of_another_python_is_made_anew(checkout, started):
    run.set_up(["requirements.txt"])
    stamp = checkout / ".venv" / "installed.txt"
    stamp.write_text(stamp.read_text().replace("python 3.", "python 2."))
    (checkout / ".venv" / "old").touch()

    run.set_up(["requirements.txt"])

    assert not (checkout / ".venv" / "old").exists()
    assert not (checkout / ".venv.old").exists()


def test_a_set_up_that_was_cut_short_is_done_again_from_the_start(checkout, started, monkeypatch):
    def killed(command, **options):
        raise KeyboardInterrupt

    whole = run.run
    monkeypatch.setattr(run, "run", lambda command, **o: (killed if "install" in command else whole)(command, **o))
    with pytest.raises(KeyboardInterrupt):
        run.set_up(["requirements.txt"])
    (checkout / ".venv" / "half").touch()
    monkeypatch.setattr(run, "run", whole)

    run.set_up(["requirements.txt"])

    assert run.is_set_up(checkout / ".venv", ["requirements.txt"])
    assert not (checkout / ".venv" / "half").exists()


def test_an_environment_that_the_user_made_is_kept_and_filled(checkout, started):
    python = run.python_of(checkout / ".venv")
    python.parent.mkdir(parents=True)
    python.touch()

    run.set_up(["requirements.txt"])

    assert [command[1:3] for command in started if command[2:3] == ["venv"]] == []
    assert len(installs(started)) == 1


def test_an_environment_whose_python_does_not_run_is_made_anew(checkout):
    python = run.python_of(checkout / ".venv")
    python.parent.mkdir(parents=True)
    python.write_text("broken")

    assert not run.works(checkout / ".venv")


def test_a_pip_that_fails_is_an_error_and_is_tried_again_the_next_time(checkout, started, monkeypatch):
    whole = run.run
    monkeypatch.setattr(
        run, "run", lambda command, **o: (1, "no network") if "install" in command else whole(command, **o)
    )

    with pytest.raises(run.SetupFailed, match=r"pip could not install the requirements:\nno network"):
        run.set_up(["requirements.txt"])

    assert not run.is_set_up(checkout / ".venv", ["requirements.txt"])


def test_two_at_once_install_once(checkout, started):
    threads = [threading.Thread(target=run.set_up, args=(["requirements.txt"],)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(installs(started)) == 1


@pytest.mark.parametrize("missing", ["venv", "ensurepip"])
def test_a_python_without_venv_is_told_which_package_to_install(checkout, started, monkeypatch, missing):
    known = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else known(name))
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"

    with pytest.raises(run.SetupFailed, match=rf"sudo apt install {package}"):
        run.set_up(["requirements.txt"])

    assert started == []


@pytest.mark.parametrize("version", [(3, 8), (3, 9), (3, 14)])
def test_a_python_that_will_not_do_is_named_with_those_that_will(version):
    message = run.unfit_python(version)

    assert "needs Python 3.10–3.13" in message
    assert f"this is {version[0]}.{version[1]}" in message


@pytest.mark.parametrize("version", [(3, 10), (3, 11), (3, 12), (3, 13)])
def test_the_supported_pythons_are_fit(version):
    assert run.unfit_python(version) is None


@pytest.mark.parametrize("name", ["run.py", "run_tests.py"])
def test_an_old_python_can_read_far_enough_to_say_what_it_lacks(name):
    tree = ast.parse((ROOT / name).read_text(encoding="utf-8"), feature_version=(3, 8))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.col_offset == 0}

    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names | {"run"}


def test_help_needs_no_set_up(checkout, capsys):

    assert run.main(["--help"]) == 0

    assert "serve" in capsys.readouterr().out
    assert not (checkout / ".venv").exists()


def test_the_arguments_reach_the_command_line_from_any_folder(checkout, started, monkeypatch):
    handed = []
    monkeypatch.setattr(run, "hand_over", lambda command: handed.append(command) or 7)

    assert run.main(["make", "calm piano"]) == 7

    assert handed[0][-3:] == [str(checkout), "make", "calm piano"]


def test_a_folder_with_an_app_of_its_own_does_not_stand_in_the_way(tmp_path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("raise SystemExit('the wrong app')")

    shown = subprocess.run(
        [sys.executable, "-c", run.HAND_OVER, str(ROOT), "make", "--help"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert shown.returncode == 0, shown.stderr
    assert "--duration" in shown.stdout


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot become another program, so it waits for it instead")
def test_run_becomes_the_command_so_that_signals_reach_it(tmp_path):
    script = (
        "import run, sys; run.hand_over([sys.executable, '-c', 'import os; print(os.getpid()); raise SystemExit(5)'])"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        said, _ = process.communicate()

    assert int(said) == process.pid
    assert process.returncode == 5


def test_the_commands_that_help_lists_are_the_command_lines_own():
    listed = {line.split()[0] for line in run.HELP.splitlines() if line.startswith("  ")}
    shown = subprocess.run(
        [sys.executable, "-m", "app.cli", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    assert listed
    assert all(f"    {command} " in shown for command in listed)
    assert "{" + ",".join(sorted(listed, key=list(run.HELP.split()).index)) + "}" in shown


def test_an_unknown_check_is_refused_with_the_list(capsys):
    assert run_tests.main(["qiuck"]) == 2

    said = capsys.readouterr().out
    assert "qiuck" in said
    assert all(f"  {name} " in said for name in run_tests.CHECKS)


def test_no_check_at_all_is_refused_too(capsys):
    assert run_tests.main([]) == 2


@pytest.fixture
def checks(monkeypatch):
    """run_tests.py with a set-up that is done and checks that note what they were given."""
    given = []

    def check(code):
        return run_tests.Check("", (lambda extra: given.append(extra) or code,))

    monkeypatch.setattr(run, "set_up", lambda files: None)
    monkeypatch.setattr(run_tests, "CHECKS", {"good": check(0), "bad": check(3)})
    return given


def test_a_failed_check_fails_the_whole_and_the_others_still_run(checks):
    assert run_tests.main(["bad", "good"]) == 1

    assert len(checks) == 2


def test_checks_that_pass_pass(checks):
    assert run_tests.main(["good"]) == 0


def test_what_stands_after_the_dashes_goes_to_pytest(checks):
    run_tests.main(["good", "--", "-x", "-k", "stems"])

    assert checks == [["-x", "-k", "stems"]]


def test_a_set_up_that_fails_fails_the_checks(monkeypatch, capsys):
    def fails(files):
        raise run.SetupFailed("no venv here")

    monkeypatch.setattr(run, "set_up", fails)

    assert run_tests.main(["quick"]) == 1
    assert "no venv here" in capsys.readouterr().err


def test_without_a_browser_the_check_says_what_to_install_and_is_no_pass(checks, monkeypatch, capsys):
    monkeypatch.delenv("STUDIO_BROWSER", raising=False)
    monkeypatch.setattr(run_tests.shutil, "which", lambda name: None)
    monkeypatch.setitem(run_tests.CHECKS, "browser", run_tests.Check("", (run_tests.browser,)))

    assert run_tests.main(["browser"]) == 0
    assert re.match("browser: NOT ALL OF IT DONE; .*install the package `chromium`", capsys.readouterr().out)


NIGHTLY = run_tests.CHECKS["nightly"]


@pytest.fixture
def browsing(checks, tmp_path, monkeypatch):
    """A browser that is there, and what its runs end with; what they were."""
    monkeypatch.setattr(run_tests, "find_browser", lambda: "/chromium")
    monkeypatch.setattr(run_tests, "BROWSER_VENV", tmp_path)
    monkeypatch.setattr(run, "set_up", lambda files, venv=None: None)
    monkeypatch.setitem(run_tests.CHECKS, "browser", run_tests.Check("", (run_tests.browser,)))
    ends, runs = [], []

    def start(command, **how):
        runs.append(command)
        notes = tmp_path / "seen" / "v" / "cache"
        notes.mkdir(parents=True, exist_ok=True)
        (notes / "lastfailed").write_text('{"tests/browser/test_ask.py::test_a_chip": true}')
        return ends.pop(0)

    monkeypatch.setattr(run_tests, "start", start)
    return ends, runs


def test_what_failed_in_the_browser_gets_one_more_run_and_is_named(browsing, capsys):
    ends, runs = browsing
    ends += [1, 0]

    assert run_tests.main(["browser"]) == 0
    assert ["--last-failed" in command for command in runs] == [False, True]
    assert (
        "browser: passed; A SECOND RUN WAS NEEDED by tests/browser/test_ask.py::test_a_chip" in capsys.readouterr().out
    )


@pytest.mark.parametrize(("ends_with", "arguments"), [([1, 1], []), ([3], []), ([1], ["--", "-x"])])
def test_what_fails_twice_or_was_asked_for_by_name_or_broke_off_fails(browsing, ends_with, arguments):
    ends, runs = browsing
    ends += ends_with

    assert run_tests.main(["browser", *arguments]) == 1
    assert len(runs) == len(ends_with)


def test_a_night_has_ten_minutes_of_random_hands(browsing, monkeypatch):
    given = []
    monkeypatch.setattr(run_tests, "start", lambda command, **how: given.append((command, how)) or 0)

    assert run_tests.hands in NIGHTLY.steps
    assert run_tests.hands([]) == 0
    ((command, how),) = given
    assert "random_hands" in command
    assert 2 * float(how["STUDIO_HANDS_S"]) == 600  # on a desk, and on a phone


def test_every_documented_check_exists():
    documented = {"all", "unit", "integration", "coverage", "quick", "performance", "security"}

    assert documented | {"lint", "types", "docs", "summary"} <= set(run_tests.CHECKS)


def test_the_summary_tells_what_was_seen():
    counts = {"unit": {"passed": 40, "failed": 0, "skipped": 2}, "security": {"passed": 9, "failed": 1, "skipped": 0}}

    text = run_tests.summary_text(counts, 96.97)

    assert "| unit | 40 | 0 | 2 |" in text
    assert "| security | 9 | 1 | 0 |" in text
    assert "| **all** | 49 | 1 | 2 |" in text
    assert "**96 %**" in text
    assert str(ROOT) not in text
