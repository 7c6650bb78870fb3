"""What nightly asks others for, and says of it."""

import run
import run_tests
from tests.tooling.test_installing import checkout, shown, started  # noqa: F401 - fixtures


def told(**packages):
    """What pip-audit writes: of each package its holes, or why nobody was asked."""
    return {
        "dependencies": [
            {"name": name, "version": "1.0", "vulns": said}
            if isinstance(said, list)
            else {"name": name, "skip_reason": said}
            for name, said in packages.items()
        ]
    }


def test_what_could_not_be_asked_for_is_no_pass(monkeypatch, capsys):
    assert run_tests.outcome_of(told(a=[], b=[])) == (0, None)
    assert run_tests.outcome_of(told(a=[], b=[{"id": "PYSEC-1"}]))[0] == 1
    assert run_tests.outcome_of(None)[1] == "known holes were not asked for: nobody could be asked"
    code, undone = run_tests.outcome_of(told(a=[], b="not found", c="not found"))
    assert (code, undone.partition(":")[0]) == (0, "known holes were not asked for of 2 of 3 packages")
    assert run_tests.outcome_of(told(a=[{"id": "PYSEC-1"}], b="not found")) == (1, undone.replace("2 of 3", "1 of 2"))

    checks = {"offline": run_tests.Check("", (lambda _: run_tests.UNDONE.append("nobody") or 0,))}
    monkeypatch.setattr(run_tests, "CHECKS", {**checks, "fine": run_tests.Check("", (lambda _: 0,))})
    capsys.readouterr()
    assert run_tests.check_all(["offline", "fine"], []) == 0
    assert [line.partition(", in")[0] for line in capsys.readouterr().out.splitlines()] == [
        "offline: NOT ALL OF IT DONE; nobody",
        "fine: passed",
    ]


def test_an_audit_that_wrote_nothing_has_asked_nobody(started, monkeypatch):  # noqa: F811
    monkeypatch.setattr(run_tests, "UNDONE", [])

    assert run_tests.audit([]) == 0
    assert run_tests.UNDONE == ["known holes were not asked for: nobody could be asked"]
    ((command, _),) = started
    assert command[:3] == ["pip_audit", "-r", "requirements.txt"]


def test_the_list_of_what_is_installed_is_of_an_environment_of_its_own(checkout, shown, started, monkeypatch):  # noqa: F811
    monkeypatch.setattr(run_tests, "PLAIN_VENV", checkout / ".venv-plain")

    assert run_tests.sbom([]) == 0
    assert run.is_set_up(checkout / ".venv-plain", ["requirements.txt"])
    ((command, how),) = started
    assert command[:2] == ["cyclonedx_py", "environment"]
    assert command[-1] == str(run.python_of(checkout / ".venv-plain"))
    assert "venv" not in how


def test_fuzzing_has_an_environment_of_its_own(checkout, shown, started, monkeypatch):  # noqa: F811
    monkeypatch.setattr(run_tests, "FUZZ_VENV", checkout / ".venv-fuzz")
    (checkout / "requirements" / "fuzz.txt").write_text("")

    assert run_tests.fuzz(["-x"]) == 0
    ((command, how),) = started
    assert (command, how["venv"]) == (["tests.fuzz"], checkout / ".venv-fuzz")
