"""Fine-tunes over HTTP: files in, a record out, a model at the end; whatever is sent gets a named answer."""

import io
import shutil
import zipfile

import pytest

from app.errors import GenerationFailed
from app.models.finetune import SkippedFile
from app.services.engines import Models, Readiness, readiness
from tests.learning.corpora import jig

URL = "/music/finetunes"
STYLE_FILE = "my-band.learned-0123456789abcdef.json"


def teach(client, *files, **fields):
    sent = [("files", (name, content)) for name, content in files or (("one.mid", jig(1, bars=2)),)]
    return client.post(URL, data={"name": "my-band", **fields}, files=sent)


@pytest.fixture
def tuner(service):
    return service.finetuner


@pytest.fixture
def taught(client, tuner):
    """A completed fine-tune, its model in its place."""
    made = teach(client).json()
    tuner.files.keep_style(STYLE_FILE, "{}")
    tuner.become(made["finetune_id"], status="completed", stage="completed", progress=100)
    return made


def test_what_is_accepted_is_answered_with_its_record_and_where_to_follow_it(client, tuner):
    answer = teach(
        client, ("one.mid", jig(1, bars=2)), ("two.mid", jig(2, bars=2)), strength="0.5", style="folk", seed="7"
    )

    body = answer.json()
    assert answer.status_code == 200
    assert answer.headers["location"].endswith(f"{URL}/{body['finetune_id']}")
    assert (body["model"], body["status"], body["stage"], body["progress"]) == (
        "composer:my-band", "processing", "queued", 0,
    )  # fmt: skip
    assert (body["strength"], body["style"], body["seed"], body["files"]) == (0.5, "folk", 7, ["one.mid", "two.mid"])
    assert tuner.sent[body["finetune_id"]] == [jig(1, bars=2), jig(2, bars=2)]
    assert client.get(answer.headers["location"]).json() == body


def test_what_is_left_out_is_drawn_or_decided_later(client):
    body = teach(client).json()

    assert (body["base"], body["style"], body["strength"]) == ("composer", None, 0.8)
    assert isinstance(body["seed"], int)


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"name": "My Band"}, "name", "a-z, 0-9"),
        ({"name": "../../etc"}, "name", "a-z, 0-9"),
        ({"name": "x" * 41}, "name", "40 characters"),
        ({"name": ""}, "name", ""),
        ({"base": "riffusion-model-v1"}, "base", "those that can: composer"),
        ({"base": "composer:my-band"}, "base", "those that can: composer"),
        ({"style": "polka-metal"}, "style", "must be one of acoustic_guitar"),
        ({"strength": "1.5"}, "strength", "less than or equal to 1"),
        ({"strength": "nan"}, "strength", ""),
        ({"strength": "loud"}, "strength", "valid number"),
        ({"steps": "10"}, "steps", "is not for composer"),
        ({"base": "musicgen-small", "steps": "0"}, "steps", "greater than or equal to 1"),
        ({"base": "musicgen-small", "style": "folk"}, "style", "only the composer has styles"),
        ({"seed": "-1"}, "seed", "greater than or equal to 0"),
    ],
)
def test_a_wrong_field_is_named_and_creates_nothing(client, tuner, fields, field, said):
    answer = teach(client, **fields)

    assert answer.status_code == 422
    (fault,) = answer.json()["detail"]
    assert (fault["loc"], said in fault["msg"]) == (["body", field], True), fault
    assert tuner.finetunes == {}


@pytest.mark.parametrize(
    "files", [[("a.mid", b"")], [("a.mid", b"hello"), ("b.mp3", b"ID3\x04")], [("a.mid", b"MTh"), ("b", b"PK\x05\x06")]]
)
def test_files_that_nothing_can_be_learned_from_are_refused_at_once(client, tuner, files):
    answer = teach(client, *files)

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "files"]
    assert "must be MIDI files" in answer.json()["detail"][0]["msg"]
    assert tuner.finetunes == {}


def test_one_good_file_among_bad_ones_is_enough(client):
    assert teach(client, ("cover.jpg", b"JFIF"), ("one.mid", jig(1, bars=2))).status_code == 200


def test_more_than_500_files_are_too_many(client):
    answer = teach(client, *((f"{number}.mid", b"MThd") for number in range(501)))

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["msg"] == "must be 1 to 500 files, got 501"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"json": {"name": "my-band"}}, 422),
        ({"data": {"name": "my-band"}}, 422),
        ({"data": {"name": "my-band", "files": "not a file"}}, 422),
        ({"content": b"--x\r\nnot a part", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 400),
        ({"content": b"--x\r\n", "headers": {"Content-Type": "multipart/form-data"}}, 400),
    ],
)
def test_a_body_that_is_no_upload_is_refused(client, tuner, sent, status):
    answer = client.post(URL, **sent)

    assert answer.status_code == status
    assert tuner.finetunes == {}


def test_ten_gigabytes_are_refused_before_they_are_read(client):
    def never():
        raise AssertionError("the body was read")
        yield b""

    answer = client.post(
        URL, content=never(),
        headers={"Content-Length": str(10**10), "Content-Type": "multipart/form-data; boundary=x"},
    )  # fmt: skip

    assert answer.status_code == 413
    assert "at most 100000000 bytes" in answer.json()["detail"]


def test_names_of_files_are_shown_but_never_used_as_paths(client, tuner):
    body = teach(client, ("../../../etc/passwd", jig(1, bars=2)), ("a\x07b.mid", b"MThd")).json()

    assert len(body["files"]) == 2
    assert all("\x07" not in name for name in body["files"])


def test_a_name_is_had_once(client):
    first = teach(client).json()

    answer = teach(client)

    assert answer.status_code == 409
    assert first["finetune_id"] in answer.json()["detail"]


def test_the_record_tells_what_was_learned_and_what_was_left_out(client, tuner):
    made = teach(client).json()
    tuner.become(
        made["finetune_id"], status="completed", stage="completed", progress=100, learned={"tunes": 3},
        skipped=(SkippedFile(file="set.zip/a.jpg", reason="is not a MIDI file"),),
    )  # fmt: skip

    record = client.get(f"{URL}/{made['finetune_id']}").json()

    assert (record["status"], record["progress"], record["learned"]) == ("completed", 100, {"tunes": 3})
    assert record["skipped"] == [{"file": "set.zip/a.jpg", "reason": "is not a MIDI file"}]


def test_they_are_listed_newest_first(client, tuner):
    made = [teach(client, name=name).json() for name in ("a", "b", "c")]
    tuner.become(made[0]["finetune_id"], status="failed", stage="failed", error="No file was a MIDI file")

    assert [one["name"] for one in client.get(URL).json()["finetunes"]] == ["c", "b", "a"]
    assert [one["name"] for one in client.get(f"{URL}?status=failed").json()["finetunes"]] == ["a"]
    assert client.get(f"{URL}?cursor=x").status_code == 422


def test_work_is_cancelled_once_and_what_is_finished_is_not(client, taught):
    running = teach(client, name="other").json()["finetune_id"]

    for _ in range(2):
        answer = client.post(f"{URL}/{running}/cancel")
        assert (answer.status_code, answer.json()["stage"]) == (200, "cancelled")
    assert client.post(f"{URL}/{taught['finetune_id']}/cancel").status_code == 409


def test_one_is_removed(client):
    made = teach(client).json()["finetune_id"]

    assert client.delete(f"{URL}/{made}").status_code == 204
    assert client.get(f"{URL}/{made}").status_code == 404


@pytest.mark.parametrize("wrong", ["finetune_0123456789abcdef", "track_0123456789abcdef", "a/b", "%00", "x" * 300])
def test_an_unknown_one_is_not_found(client, wrong):
    for answer in (
        client.get(f"{URL}/{wrong}"), client.post(f"{URL}/{wrong}/cancel"), client.delete(f"{URL}/{wrong}")
    ):  # fmt: skip
        assert answer.status_code == 404
        assert answer.json()["detail"].startswith("Fine-tune not found")


# -- the model ----------------------------------------------------------------------------------------------------


def test_what_was_taught_is_a_model_among_the_others(client, taught):
    models = {model["name"]: model for model in client.get("/music/models").json()["models"]}

    taught_model, composer = models["composer:my-band"], models["composer"]
    assert (taught_model["engine"], taught_model["state"], taught_model["notes"]) == ("composer", "ready", True)
    assert (composer["fine_tune"], taught_model["fine_tune"]) == (True, False)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/music/generate", {"prompt": "calm", "model": "composer:my-band"}),
        ("/music/batch", {"requests": [{"prompt": "calm", "model": "composer:my-band"}]}),
        ("/music/compare", {"prompt": "calm", "models": ["composer", "composer:my-band"]}),
    ],
)
def test_every_call_takes_it_and_refuses_it_once_it_is_gone(client, queue, tuner, taught, path, body):
    assert client.post(path, json=body).status_code == 200
    assert "composer:my-band" in {track.model for track in queue.tracks.values()}

    tuner.files.drop_style("my-band")

    answer = client.post(path, json=body)
    assert answer.status_code == 422
    assert "unknown model 'composer:my-band'; available: composer" in answer.json()["detail"][0]["msg"]


@pytest.mark.parametrize("name", ["composer:nobody", "composer:", "composer:../my-band", "composer:my-band.learned-0"])
def test_a_model_that_nobody_taught_is_unknown(client, taught, name):
    for path in ("/music/generate", "/music/plan"):
        answer = client.post(path, json={"prompt": "calm", "model": name})

        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"] == ["body", "model"]


def test_a_zip_is_an_upload_too(client, tuner):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as files:
        files.writestr("one.mid", jig(1, bars=2))

    assert teach(client, ("set.zip", packed.getvalue())).status_code == 200


# -- of a neural model --------------------------------------------------------------------------------------------


def test_a_model_that_is_not_ready_cannot_be_taught(client, tuner, monkeypatch):
    monkeypatch.setattr(readiness, "is_installed", lambda row, home: not row.packages)

    answer = teach(client, ("set.zip", b"PK\x03\x04"), base="musicgen-small")

    assert answer.status_code == 409
    assert answer.json()["detail"].endswith("Run: python3 run.py install musicgen")
    assert tuner.finetunes == {}


@pytest.fixture
def trainable(monkeypatch):
    """MusicGen as if it were installed and fetched."""
    monkeypatch.setattr(Models, "readiness", lambda self, row: Readiness(state="ready"))


def test_recordings_are_sent_to_a_model_that_is_trained(client, trainable, tuner):
    sent = ("set.zip", b"PK\x03\x04")
    body = teach(client, sent, base="musicgen-small", steps="40").json()

    assert (body["model"], body["base"], body["steps"]) == ("musicgen-small:my-band", "musicgen-small", 40)
    assert teach(client, ("one.mid", jig(1, bars=2)), base="musicgen-small", name="b").status_code == 422
    assert teach(client).status_code == 200  # the composer's names are its own


def test_an_adapter_is_a_model_until_it_is_dropped(client, trainable, tuner, tmp_path):
    whole = tmp_path / "whole"
    whole.mkdir()
    (whole / "base.json").write_text("{}")
    tuner.files.keep_adapter("musicgen-small", "my-band", str(whole))
    tuner.files.keep_adapter("gone-model", "other", str(shutil.copytree(tuner.files.adapters, tmp_path / "copy")))
    wish = {"prompt": "calm", "model": "musicgen-small:my-band"}

    models = {model["name"]: model for model in client.get("/music/models").json()["models"]}
    assert [name for name in models if ":" in name] == ["musicgen-small:my-band"]
    assert (models[wish["model"]]["engine"], models[wish["model"]]["fine_tune"]) == ("musicgen", False)
    assert client.post("/music/generate", json=wish).json()["model"] == wish["model"]

    tuner.files.drop_adapter("musicgen-small", "my-band")
    tuner.files.drop_adapter("musicgen-small", "my-band")
    assert client.post("/music/generate", json=wish).status_code == 422


def test_a_track_whose_model_went_says_so(tmp_path):
    models = Models(tuned=tmp_path, adapters=tmp_path)

    for find in (models.style_for, models.adapter_for):
        assert find("composer") is None
        with pytest.raises(GenerationFailed, match="composer:gone was removed before this track was made"):
            find("composer:gone")
