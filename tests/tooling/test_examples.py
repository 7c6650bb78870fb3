"""The examples of the README and of examples/ run as they stand, against a real server."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import soundfile

from tests.learning.corpora import jig

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")

#: The track that the README's examples speak of.
EXAMPLE_ID = "track_a1b2c3d4e5f60718"


def block(title, language, page=README, level="###"):
    """A page's example under a heading, as it would be copied."""
    section = page.partition(f"\n{level} {title}\n")[2].partition(f"\n{level} ")[0]
    found = re.search(rf"```{language}\n(.*?)```", section, re.DOTALL)
    assert found is not None
    return found[1]


def live(text, server):
    return text.replace("localhost:8000", f"127.0.0.1:{server.port}")


def run(command, folder, **environment):
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def is_mp3(path):
    """Whether a file begins as an MP3 with tags does, and holds some seconds of sound."""
    return path.read_bytes().startswith(b"ID3") and path.stat().st_size > 100_000


def wait_for(server, track_id):
    end = time.monotonic() + 120
    while time.monotonic() < end:
        status = httpx.get(f"{server.url}/music/status/{track_id}").json()
        if status["status"] != "processing":
            return status
        time.sleep(0.05)
    raise AssertionError(f"still processing: {status}")


@pytest.mark.skipif(not shutil.which("bash"), reason="the commands are written for bash")
@pytest.mark.parametrize(("title", "program"), [("curl", "curl"), ("HTTPie", "http")])
def test_the_commands_of_the_readme_work(title, program, live_server, tmp_path):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    if not shutil.which(program, path=path):
        pytest.skip(f"{title} is not installed")
    (tmp_path / "config.json").write_text(json.dumps({"default_options": ["--ignore-stdin"]}))  # HTTPie's, for pipes
    environment = {"PATH": path, "HTTPIE_CONFIG_DIR": str(tmp_path)}
    ask, follow, fetch = live(block(title, "bash"), live_server).strip().split("\n\n")

    answer = json.loads(run(["bash", "-c", ask], tmp_path, **environment))
    assert wait_for(live_server, answer["track_id"])["status"] == "completed"
    status = json.loads(run(["bash", "-c", follow.replace(EXAMPLE_ID, answer["track_id"])], tmp_path, **environment))
    run(["bash", "-c", fetch.replace(EXAMPLE_ID, answer["track_id"])], tmp_path, **environment)

    assert status["progress"] == 100
    assert [is_mp3(file) for file in tmp_path.glob("*.mp3")] == [True]


@pytest.mark.skipif(not shutil.which("bash"), reason="the commands are written for bash")
@pytest.mark.parametrize(("language", "program"), [("bash", "curl"), ("sh", "http")])
def test_the_commands_of_the_guide_to_listening_work(language, program, live_server, tmp_path):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    if not shutil.which(program, path=path):
        pytest.skip(f"{program} is not installed")
    guide = (ROOT / "docs" / "guides" / "live.md").read_text(encoding="utf-8")
    asked = httpx.post(f"{live_server.url}/music/generate", json={"prompt": "calm piano", "duration": 5}).json()
    commands = block("From programs", language, guide, "##").replace(EXAMPLE_ID, asked["track_id"])
    commands = live(commands, live_server).replace(" :8000/", f" 127.0.0.1:{live_server.port}/")

    told = run(["bash", "-ec", commands.replace("http --", "http --ignore-stdin --")], tmp_path, PATH=path)

    assert "event: completed" in told
    assert (tmp_path / "early.mp3").stat().st_size > 150_000


@pytest.mark.parametrize("form", ["mp3", "wav"])
def test_the_program_that_listens_hands_on_all_of_the_sound(form, live_server, tmp_path):
    command = [sys.executable, str(ROOT / "examples" / "listen.py"), "calm piano", "5"]

    with (tmp_path / "early").open("wb") as early:
        subprocess.run(
            [*command, "--format", form, "--url", live_server.url], cwd=tmp_path, stdout=early, check=True, timeout=120
        )

    assert len(soundfile.read(tmp_path / "early")[0]) == 5 * 44_100


def test_the_python_example_of_the_readme_works(live_server, tmp_path):
    pytest.importorskip("requests", reason="requests (requirements/dev.txt) is what the example uses")

    said = run([sys.executable, "-c", live(block("Python", "python"), live_server)], tmp_path)

    assert said.endswith("Progress: 100%\n")
    assert is_mp3(tmp_path / "guitar.mp3")


def test_the_plan_of_the_readme_is_played_as_it_was_changed(live_server, tmp_path):
    pytest.importorskip("requests", reason="requests (requirements/dev.txt) is what the example uses")

    program = live(block("Plan first", "python"), live_server) + 'print(track["track_id"])'
    track_id = run([sys.executable, "-c", program], tmp_path).strip()
    wait_for(live_server, track_id)
    plan = httpx.get(f"{live_server.url}/music/tracks/{track_id}").json()["plan"]

    assert (plan["form"][0]["energy"], plan["tempo_bpm"]) == (0.3, 92)


@pytest.mark.parametrize(
    ("title", "told"),
    [
        ("Batches", [r"Progress: 100% \{'processing': 0, 'completed': 3, 'failed': 0\}", r"sad piano http\S+\.mp3"]),
        ("Comparing", [r"A None http\S+\.mp3\nB None http\S+\.mp3", r"A seed [78] preferred\n"]),
    ],
)
def test_the_programs_of_the_guide_to_many_tracks_work(title, told, live_server, tmp_path):
    pytest.importorskip("requests", reason="requests (requirements/dev.txt) is what the example uses")
    guide = (ROOT / "docs" / "guides" / "many-at-once.md").read_text(encoding="utf-8")

    said = run([sys.executable, "-c", live(block(title, "python", guide, "##"), live_server)], tmp_path)

    for pattern in told:
        assert re.search(pattern, said), said


def test_the_program_of_the_guide_to_teaching_works(live_server, tmp_path):
    pytest.importorskip("requests", reason="requests (requirements/dev.txt) is what the example uses")
    guide = (ROOT / "docs" / "guides" / "teach-a-model.md").read_text(encoding="utf-8")
    for number in range(3):
        (tmp_path / f"{number}.mid").write_bytes(jig(number, bars=8))
    (tmp_path / "bad.mid").write_bytes(b"no MIDI")

    said = run([sys.executable, "-c", live(block("A program", "python", guide, "##"), live_server)], tmp_path)

    assert "completed: 100%\nbad.mid is not a MIDI file" in said
    assert "\n3 tunes, distance {'base': 0." in said
    assert wait_for(live_server, said.split()[-1])["status"] == "completed"


@pytest.mark.skipif(not shutil.which("node"), reason="Node.js is not installed")
def test_the_javascript_example_of_the_readme_works(live_server, tmp_path):
    (tmp_path / "example.mjs").write_text(live(block("JavaScript", "javascript"), live_server))

    said = run(["node", "example.mjs"], tmp_path)

    assert said.endswith("Progress: 100%\n")
    assert is_mp3(tmp_path / "folk.mp3")


def test_make_track_py_makes_a_track(live_server, tmp_path):
    program = str(ROOT / "examples" / "make_track.py")

    said = run([sys.executable, program, "slow waltz", "5", "--url", live_server.url], tmp_path)

    (file,) = tmp_path.glob("*.mp3")
    assert file.name in said
    assert is_mp3(file)


@pytest.mark.skipif(not shutil.which("node"), reason="Node.js is not installed")
def test_make_track_mjs_makes_a_track(live_server, tmp_path):
    program = str(ROOT / "examples" / "make_track.mjs")

    said = run(["node", program, "slow waltz", "5", live_server.url], tmp_path)

    (file,) = tmp_path.glob("*.mp3")
    assert file.name in said
    assert is_mp3(file)


@pytest.mark.parametrize("name", ["make_track.py", "make_track.mjs"])
def test_an_example_says_what_the_service_refused(name, live_server, tmp_path):
    program = str(ROOT / "examples" / name)
    command = [sys.executable, program, "x", "4", "--url"] if name.endswith("py") else ["node", program, "x", "4"]
    if not shutil.which(command[0]):
        pytest.skip("Node.js is not installed")

    done = subprocess.run([*command, live_server.url], cwd=tmp_path, capture_output=True, text=True)

    assert done.returncode == 1
    assert "422" in done.stderr
    assert list(tmp_path.iterdir()) == []
