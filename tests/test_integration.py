"""End to end over HTTP: a sentence in, a finished track out, with the real composer."""

import io
import json
import time
import zipfile

import numpy as np
import pytest
import soundfile
from fastapi.testclient import TestClient

from app.config import Settings
from app.main import create_app

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the client's server keeps everything."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def client(folder):
    settings = Settings(data_dir=folder, workers=2)
    with TestClient(create_app(settings)) as client:
        yield client


def follow(client, track_id, limit_s=120.0):
    """Poll as the published clients do, until the status is no longer `processing`; every answer seen."""
    seen = []
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        seen.append(client.get(f"/music/status/{track_id}").json())
        if seen[-1]["status"] != "processing":
            return seen
        time.sleep(0.05)
    raise AssertionError(f"still processing: {seen[-1]}")


def make(client, **body):
    answer = client.post("/music/generate", json={"duration": 5, **body})
    assert answer.status_code == 200
    return follow(client, answer.json()["track_id"])[-1]


def download(client, status, form="mp3"):
    return client.get(status["download_url"].removesuffix("mp3") + form)


def test_a_track_is_heard_while_it_is_made_and_is_the_finished_music(client, folder):
    answer = client.post("/music/generate", json={"prompt": "upbeat funk, slap bass", "duration": 12, "seed": 4})
    track_id = answer.json()["track_id"]
    early = client.get(f"/music/tracks/{track_id}/stream")
    status = follow(client, track_id)[-1]
    late = client.get(f"/music/tracks/{track_id}/stream")
    record = client.get(f"/music/tracks/{track_id}").json()

    heard, made = (soundfile.read(io.BytesIO(one.content))[0] for one in (early, late))
    assert heard.shape == made.shape == (12 * 44_100, 2)
    assert np.corrcoef(heard[:, 0], made[:, 0])[0, 1] > 0.98, "to the sample"
    assert {"stream_gain_db", "gain_db"} <= record["measured"].keys()
    assert late.content == download(client, status).content
    assert len(list((folder / "audio" / "live" / track_id / "mp3").glob("[0-9]*"))) == 9


def test_a_sentence_becomes_a_finished_track(client):
    answer = client.post("/music/generate", json={"prompt": "relaxing piano melody for meditation", "duration": 20})
    seen = follow(client, answer.json()["track_id"])

    assert seen[0]["status"] == "processing"
    assert seen[-1]["status"] == "completed"
    progress = [status["progress"] for status in seen]
    assert progress == sorted(progress)
    assert progress[-1] == 100
    assert all(value < 100 for value, status in zip(progress, seen, strict=True) if status["status"] == "processing")
    mp3 = client.get(seen[-1]["download_url"])
    samples, rate = soundfile.read(io.BytesIO(mp3.content))
    assert len(samples) == 20 * rate
    assert mp3.headers["content-type"] == "audio/mpeg"
    assert "attachment" in mp3.headers["content-disposition"]


@pytest.mark.parametrize("form", ["mp3", "wav", "flac", "ogg", "opus"])
def test_every_audio_form_is_exactly_as_long_as_asked(client, form):
    status = make(client, prompt="funky bass and drums", duration=6, seed=5)

    samples, rate = soundfile.read(io.BytesIO(download(client, status, form).content))

    assert len(samples) == 6 * rate
    assert samples.shape[1] == 2


def test_the_stems_add_up_to_the_mix_they_come_with(client):
    status = make(client, prompt="jazz piano, bass and drums", duration=6, seed=6)

    archive = zipfile.ZipFile(io.BytesIO(download(client, status, "stems.zip").content))

    facts = json.loads(archive.read("mix.json"))
    stems = [name for name in archive.namelist() if name.endswith(".flac") and name != "mix.flac"]
    total = sum(soundfile.read(io.BytesIO(archive.read(name)))[0] for name in stems)
    mix, _rate = soundfile.read(io.BytesIO(archive.read("mix.flac")))
    assert len(stems) == len(facts["stems"]) >= 3
    np.testing.assert_allclose(total, mix, atol=1e-4)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(client):
    one, two, other = (make(client, prompt="folk guitar", seed=seed) for seed in (9, 9, 10))

    for form in ("mp3", "wav", "flac", "ogg", "opus", "mid", "plan.json", "stems.zip"):
        first = download(client, one, form)
        assert first.content == download(client, two, form).content
        assert first.headers["etag"] == download(client, two, form).headers["etag"]
    assert download(client, one, "wav").content != download(client, other, "wav").content


def test_the_record_tells_what_was_understood_and_decided(client):
    status = make(client, prompt="sad slow violin in D minor, no drums, 70 bpm")

    record = client.get(f"/music/tracks/{status['track_id']}").json()

    assert record["brief"]["tempo_bpm"]["value"] == 70
    assert "70" in " ".join(record["brief"]["tempo_bpm"]["words"])
    assert record["brief"]["drums"]["value"] is False
    assert (record["plan"]["tonic"], record["plan"]["mode"]) in (("D", "minor"), ("D", "harmonic_minor"))
    assert any(voice["instrument"] == "violin" for voice in record["plan"]["ensemble"])
    assert all(voice["role"] != "drums" for voice in record["plan"]["ensemble"])
    assert record["measured"]["loudness_lufs"] == pytest.approx(-14, abs=0.5)
    assert record["measured"]["true_peak_dbtp"] <= -0.95
    assert 100 < record["measured"]["brightness_hz"] < 8_000


def test_fifty_posts_at_once_are_fifty_tracks_and_none_is_lost(client):
    from concurrent.futures import ThreadPoolExecutor

    def post(n):
        return client.post("/music/generate", json={"prompt": f"bell {n}", "duration": 300, "model": "simulator"})

    with ThreadPoolExecutor(50) as posters:
        answers = list(posters.map(post, range(50)))

    assert {answer.status_code for answer in answers} == {200}
    ids = {answer.json()["track_id"] for answer in answers}
    assert len(ids) == 50
    listed, cursor = set(), None
    while True:
        page = client.get("/music/tracks", params={"limit": 100, **({"cursor": cursor} if cursor else {})}).json()
        listed |= {track["track_id"] for track in page["tracks"]}
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert ids <= listed
    for track_id in ids:
        assert client.post(f"/music/tracks/{track_id}/cancel").json()["stage"] == "cancelled"


def test_an_app_without_its_lifespan_behaves_the_same(tmp_path):
    client = TestClient(create_app(Settings(data_dir=tmp_path, workers=1)))

    status = make(client, prompt="bell")

    assert status["status"] == "completed"
    assert download(client, status).status_code == 200


def test_deleting_a_track_removes_its_files(client, folder):
    status = make(client, prompt="bell")
    files = folder / "audio" / "tracks" / status["track_id"]
    assert files.exists()

    assert client.delete(f"/music/tracks/{status['track_id']}").status_code == 204

    assert not files.exists()
    assert client.get(f"/music/status/{status['track_id']}").status_code == 404


def test_a_full_queue_answers_503_and_creates_nothing(tmp_path):
    with TestClient(create_app(Settings(data_dir=tmp_path, workers=1, max_queue=1))) as own:
        answers = [own.post("/music/generate", json={"prompt": "ambient", "duration": 300}) for _ in range(6)]

        refused = [answer for answer in answers if answer.status_code == 503]
        accepted = {answer.json()["track_id"] for answer in answers if answer.status_code == 200}
        assert refused
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
        listed = own.get("/music/tracks", params={"limit": 100}).json()["tracks"]
        assert {track["track_id"] for track in listed} == accepted
        for track_id in accepted:
            own.post(f"/music/tracks/{track_id}/cancel")


def test_an_unwritable_folder_fails_the_track_with_the_reason_and_leaves_no_file(tmp_path):
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio" / "tracks").write_text("a file where the folder should be")
    with TestClient(create_app(Settings(data_dir=tmp_path, workers=1))) as own:
        status = make(own, prompt="bell")

        assert status["status"] == "failed"
        assert "could not be stored: a file stands where a folder is needed" in status["error"]
        assert not [path for path in (tmp_path / "audio").rglob("*") if path.suffix in (".mp3", ".wav", ".part")]


def settled(client, path, limit_s=120.0):
    """A group or a comparison, once none of its tracks is in work."""
    end = time.monotonic() + limit_s
    while (record := client.get(path).json())["status"] == "processing":
        assert time.monotonic() < end, record
        time.sleep(0.05)
    return record


def test_variations_and_sides_are_the_tracks_that_their_seeds_make_alone(client):
    wish = {"prompt": "calm jazz trio", "duration": 5}
    several = client.post("/music/generate", json={**wish, "seed": 7, "variations": 2}).json()
    compared = client.post("/music/compare", json={**wish, "seeds": several["seeds"]}).json()

    group = settled(client, f"/music/groups/{several['group_id']}")
    record = settled(client, f"/music/compare/{compared['comparison_id']}")

    assert group["counts"] == {"processing": 0, "completed": 2, "failed": 0}
    sides = [client.get(f"/music/tracks/{side['track_id']}").json() for side in record["sides"]]
    bytes_of = [track["wav_sha256"] for track in group["tracks"]]
    assert len(set(bytes_of)) == 2
    # Asked to be as loud as it is anyway, the same seed gives the same bytes.
    assert [track["wav_sha256"] for track in sides] == bytes_of
    assert record["loudness_matched"] is True
    table = {row["what"]: row["values"] for row in record["differences"]}
    assert table["brightness"] == [track["measured"]["brightness_hz"] for track in sides]
    assert table["tempo"] == [
        next(row["measured"] for row in track["report"] if row["what"] == "tempo") for track in sides
    ]
    assert all(0 < took_s < 30 for took_s in table["time taken"])
    assert client.delete(f"/music/groups/{compared['group_id']}").status_code == 204
    assert client.get(f"/music/tracks/{sides[0]['track_id']}").status_code == 404
    assert client.get(f"/music/compare/{compared['comparison_id']}").status_code == 404


def test_a_batch_that_is_cancelled_stops_at_once(client):
    wishes = [{"prompt": "orchestral film music", "duration": 60} for _ in range(30)]
    batch = client.post("/music/batch", json={"requests": wishes}).json()

    record = client.post(f"/music/groups/{batch['group_id']}/cancel").json()

    assert record["counts"] == {"processing": 0, "completed": 0, "failed": 30}
    assert {track["stage"] for track in record["tracks"]} == {"cancelled"}
    assert make(client, prompt="calm piano")["status"] == "completed"
