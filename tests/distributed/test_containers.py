"""The containers' own commands, user and settings in a plain folder: this machine needs no container engine."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import httpx
import pytest
import yaml

from tests.buckets import free_port
from tests.distributed.conftest import ask, finished
from tests.durability.server import ROOT, _Child, _first
from tests.tooling.test_containers import of

pytestmark = pytest.mark.distributed

#: Makes of root the image's user, who may read Python wherever it is, and write nothing that is not theirs.
AS_USER = shlex.split(
    "setpriv --reuid=10001 --regid=10001 --clear-groups --inh-caps=+dac_read_search --ambient-caps=+dac_read_search"
    if sys.platform == "linux" and os.geteuid() == 0
    else ""
)


@pytest.fixture
def image():
    """What the Dockerfile copies into the image, readable by its user."""
    folder = Path(tempfile.mkdtemp(prefix="music-image-"))
    folder.chmod(0o755)
    for words in of("COPY"):
        *sources, target = words.split()
        for source in sources:
            place = folder / target if (ROOT / source).is_dir() else folder / target / Path(source).name
            place.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
            else:
                shutil.copy(ROOT / source, place)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


class Container(_Child):
    """A service's command, as the image's user, with the image's settings and the service's."""

    def __init__(self, image, data, command, settings):
        self.folder = data
        data.mkdir()
        data.chmod(0o777)
        self.environment = {**settings, "MUSIC_DATA_DIR": str(data), "HOME": str(data), "PATH": os.environ["PATH"]}
        self.output = []
        self.image = image
        self._process = self.start(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def start(self, command, **options):
        return subprocess.Popen(
            [*AS_USER, sys.executable, *command[1:]], cwd=self.image, env=self.environment, **options
        )

    def healthy(self, check):
        """Whether the container's own check finds it well."""
        return self.start(check, stderr=subprocess.DEVNULL).wait(60) == 0


def image_settings():
    words = [word for line in of("ENV") for word in shlex.split(line)]
    return dict(word.split("=", 1) for word in words)


@pytest.mark.essential
def test_the_linter_of_dockerfiles_finds_nothing():
    linter = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if linter is None:
        pytest.skip("hadolint (requirements/distributed.txt) has no program for this machine")

    linted = subprocess.run(
        [linter, "--failure-threshold", "info", ROOT / "Dockerfile"], capture_output=True, text=True
    )

    assert linted.returncode == 0, linted.stdout


def test_the_compose_files_services_make_music_as_their_image_would(installation, s3_server, image):
    services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    bucket = s3_server.bucket()
    port, figures = str(free_port()), str(free_port())
    # What compose fills in, and addresses of this machine in place of the names of services.
    here = {
        **s3_server.environment,
        "MUSIC_DATABASE_URL": installation.address,
        "MUSIC_STORAGE_URL": f"s3://{bucket}/audio",
        "MUSIC_PUBLIC_URL": "http://127.0.0.1:1",
        "MUSIC_WORKER_METRICS_PORT": figures,
    }
    (serve,) = [json.loads(words) for words in of("CMD")]
    serve = [{"0.0.0.0": "127.0.0.1", "8000": port}.get(word, word) for word in serve]  # noqa: S104 - never here
    data = Path(tempfile.mkdtemp(prefix="music-containers-"))
    data.chmod(0o755)
    children = []

    def container(name, command):
        asked = services[name]["environment"]
        settings = {**image_settings(), **{key: here.get(key, value) for key, value in asked.items()}}
        assert not [value for value in settings.values() if "${" in value]
        children.append(child := Container(image, data / name, command, settings))
        return child

    try:
        assert container("migrate", services["migrate"]["command"])._process.wait(60) == 0
        api = container("api", serve)
        worker = container("worker", services["worker"]["command"])
        for child, check, moved in (
            (api, json.loads(re.sub(r"^.*?CMD ", "", of("HEALTHCHECK")[0])), ("8000", port)),
            (worker, services["worker"]["healthcheck"]["test"][1:], ("9100", figures)),
        ):
            asked = [word.replace(*moved) for word in check]
            _first(lambda child=child, asked=asked: child.healthy(asked), bool, 90, pause_s=0.2)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as api.client:
            track_id = ask(api)
            record = _first(lambda: api.client.get(f"/music/tracks/{track_id}").json(), finished, 90, pause_s=0.1)
            sound = api.client.get(f"/downloads/{track_id}.mp3")
        worker.terminate()
        api.terminate()
    finally:
        for child in children:
            if child._process.poll() is None:
                child.kill()
            child._process.stdout.close()
        shutil.rmtree(data, ignore_errors=True)

    assert record["status"] == "completed", record
    assert sound.status_code == 200
    assert f"audio/tracks/{track_id}/1/track.mp3" in s3_server.keys(bucket)
    assert worker._process.returncode == 0, "".join(worker.output)
