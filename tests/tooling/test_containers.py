"""Dockerfile and compose.yaml say what is so: their files, commands, settings and users exist."""

import json
import re
import shlex

import pytest

from app.cli import make_parser
from app.config import Settings
from run import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
#: Variables of others that the services of the compose file read.
NOT_OURS = {"AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


def instructions():
    """Each instruction of the Dockerfile, with its words."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^\s*#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in joined.splitlines() if line.strip()]


def of(name):
    return [words for instruction, words in instructions() if instruction == name]


@pytest.fixture(scope="module")
def compose():
    yaml = pytest.importorskip("yaml", reason="requirements/dev.txt brings PyYAML")
    return yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))


def parsed(command):
    """What the service's own parser makes of `python -m app.cli …`; it ends the test where it does not know it."""
    assert command[:3] == ["python", "-m", "app.cli"]
    return make_parser().parse_args(command[3:])


def test_the_image_takes_files_that_are_there_and_that_the_build_may_see():
    seen = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for words in of("COPY"):
        *sources, _ = words.split()
        for source in sources:
            assert (ROOT / source).exists()
            assert source.split("/")[0] in seen
    asked = [word for words in of("RUN") for word in shlex.split(words) if word.endswith(".txt")]
    assert asked == ["requirements.txt", "requirements/postgres.txt"]


def test_the_image_runs_as_nobody_special_what_the_service_knows():
    (user,), (command,) = of("USER"), of("CMD")
    assert f" {user} " in f" {' '.join(of('RUN')[0].split('&&')[0].split())} "
    assert user not in ("root", "0")
    asked = parsed(json.loads(command))
    assert (asked.host, f"{asked.port}") == ("0.0.0.0", of("EXPOSE")[0])  # noqa: S104 - in a container
    assert of("FROM")[0].endswith("-slim")
    order = [name for name, _ in instructions()]
    assert order.index("USER") < order.index("CMD")


def test_settings_of_the_image_are_settings(compose):
    known = {f"MUSIC_{name.upper()}" for name in Settings.model_fields}
    words = [word for line in of("ENV") for word in shlex.split(line)]
    given = {word.split("=")[0] for word in words if word.startswith("MUSIC_")}
    services = compose["services"]
    ours = [service for service in services.values() if service.get("build") == "."]
    for service in ours:
        given |= service["environment"].keys() - NOT_OURS
    assert given <= known
    assert len(ours) == 3


def test_the_commands_of_the_services_are_known(compose):
    services = compose["services"]
    commands = {name: parsed(services[name]["command"]).run.__name__ for name in ("worker", "migrate")}
    assert commands == {"worker": "_worker", "migrate": "_migrate"}
    assert [services[name]["deploy"]["replicas"] for name in ("api", "worker")] == [2, 2]
    for name, service in services.items():
        for needed in service.get("depends_on", ()):
            assert needed in services, name
        for config in service.get("configs", ()):
            assert config["source"] in compose["configs"], name
        for volume in service.get("volumes", ()):
            assert volume.split(":")[0] in compose["volumes"], name


def test_health_is_asked_where_the_services_listen(compose):
    (asked,) = of("HEALTHCHECK")
    assert f"127.0.0.1:{of('EXPOSE')[0]}/health'" in asked
    worker = compose["services"]["worker"]
    assert f":{worker['environment']['MUSIC_WORKER_METRICS_PORT']}/metrics" in worker["healthcheck"]["test"][-1]
    for code in (json.loads(asked[asked.index("CMD") + 4 :])[-1], worker["healthcheck"]["test"][-1]):
        compile(code, "health check", "exec")


def test_no_secret_is_written_down(compose):
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if "PASSWORD" in name or "SECRET" in name or "DATABASE_URL" in name:
                assert "${MUSIC_" in value
