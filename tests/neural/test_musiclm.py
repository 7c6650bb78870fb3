"""Lyria through `google-genai`, against a stand-in that speaks the documented shapes."""

import time

import numpy as np
import pytest
from fastapi.testclient import TestClient

pytest.importorskip("google.genai", reason="python3 run.py install musiclm")

from app import wiring
from app.config import Settings
from app.errors import Cancelled, GenerationFailed
from app.main import create_app
from app.services.engines import CATALOGUE, ModelSource, TakeRequest
from app.services.engines.lyria import ATTEMPTS, LyriaEngine, decoded, wish_of
from app.services.planning import make_plan, read
from tests.neural.tiny_musiclm import KEY, RATE, Gemini, tones


@pytest.fixture
def gemini():
    gemini = Gemini()
    yield gemini
    gemini.close()


@pytest.fixture
def engine(gemini):
    engine = LyriaEngine(ModelSource(name="lyria-3.5", api_key=KEY, base_url=gemini.url), pause_s=0.01)
    yield engine
    engine.unload()


def request_for(prompt="calm piano", duration_s=5, *, cancelled=lambda: False, progress=lambda *_: None):
    plan = make_plan(read(prompt), duration_s=duration_s, seed=1, soundfont_sha256=None)
    return TakeRequest(plan=plan, prompt=prompt, progress=progress, cancelled=cancelled)


def heard(take):
    return np.concatenate([block.mix for block in take.blocks])


def trouble(status, message, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, {"error": {"code": status, "message": message, "status": "TROUBLE"}}, named


def test_what_is_sent_is_what_the_service_documents(engine, gemini):
    (take,) = engine.generate([request_for("calm piano in D minor", 7)])

    ((path, headers, body),) = gemini.asked
    assert path == "/v1/interactions"
    assert headers["x-goog-api-key"] == KEY
    assert body == {
        "model": "lyria-3.5",
        "input": "calm piano in D minor. Instrumental only, no vocals. The piece lasts 7 seconds.",
    }
    assert take.sample_rate == RATE
    assert len(heard(take)) == 7 * RATE
    assert take.measured["given_s"] == pytest.approx(7, abs=0.1)


def test_singing_is_not_forbidden_where_it_was_asked_for():
    assert "no vocals" not in wish_of(request_for("soul ballad with female vocals"), 30)


@pytest.mark.parametrize(
    "form",
    [("MP3", "audio/mpeg"), ("WAV", "audio/wav"), ("FLAC", "audio/flac"), ("OGG", "audio/ogg"), (None, "audio/l16")],
)
def test_music_is_read_by_its_media_type(engine, gemini, form):
    gemini.form = form

    (take,) = engine.generate([request_for()])
    samples = heard(take)

    expected = tones(gemini.asked[0][2]["input"], 5)
    assert samples.shape == expected.shape
    middle = slice(RATE, 4 * RATE)
    # MP3 and Vorbis may begin a little later.
    similar = max(
        np.corrcoef(samples[middle, 0], np.roll(expected[:, 0], late)[middle])[0, 1] for late in range(0, 2400, 3)
    )
    assert similar > 0.99


def test_bare_numbers_say_their_rate_in_the_media_type():
    samples, rate = decoded(np.array([0, 16384, -32768], "<i2").tobytes(), "audio/L16;codec=pcm;rate=24000")

    assert rate == 24_000
    assert samples.tolist() == [[0.0], [0.5], [-1.0]]


def test_music_that_is_too_short_goes_on_from_its_beginning(engine, gemini):
    gemini.seconds = 8

    (take,) = engine.generate([request_for(duration_s=20)])
    samples = heard(take)

    assert len(samples) == 20 * RATE
    assert take.measured["given_s"] == pytest.approx(8, abs=0.1)
    each_second = np.sqrt((samples.reshape(20, -1) ** 2).mean(axis=1))
    assert each_second.min() > 0.5 * each_second.max()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_asked_again(engine, gemini, status):
    gemini.troubles = [trouble(status, "overloaded"), trouble(status, "overloaded", retry_after=0)]

    (take,) = engine.generate([request_for()])

    assert len(heard(take)) == 5 * RATE
    assert len(gemini.asked) == 3


def test_what_does_not_pass_is_their_failure_and_said_so(engine, gemini):
    gemini.troubles = [trouble(503, "the model is overloaded")] * ATTEMPTS

    (error,) = engine.generate([request_for()])

    assert isinstance(error, GenerationFailed)
    assert str(error) == "Google's service was asked 4 times and failed (503, the model is overloaded)"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (trouble(400, "prompt was blocked"), "Google's service refused the request (400, prompt was blocked)"),
        (trouble(403, "bad key"), "Google's service does not take the key in MUSIC_GEMINI_API_KEY (403, bad key)"),
    ],
)
def test_what_was_refused_is_not_asked_again(engine, gemini, answer, said):
    gemini.troubles = [answer]

    (error,) = engine.generate([request_for()])

    assert str(error) == said
    assert KEY not in str(error)
    assert len(gemini.asked) == 1


def test_an_answer_without_music_says_what_came_in_its_place(engine, gemini):
    silent = gemini.interaction({"model": "lyria-3.5", "input": "lasts 5 seconds"})
    silent["steps"][0]["content"] = [{"type": "text", "text": "I cannot imitate a living artist."}]
    gemini.troubles = [(200, silent, {})]

    (error,) = engine.generate([request_for()])

    assert "sent no music" in str(error)
    assert "I cannot imitate a living artist." in str(error)


@pytest.mark.parametrize("content", [b"no audio at all", b""])
def test_music_that_cannot_be_read_is_their_failure(engine, gemini, content):
    from tests.neural.tiny_musiclm import text_of

    broken = gemini.interaction({"model": "lyria-3.5", "input": "lasts 5 seconds"})
    broken["steps"][0]["content"][1]["data"] = text_of(content)
    gemini.troubles = [(200, broken, {})]

    (error,) = engine.generate([request_for()])

    assert isinstance(error, GenerationFailed)
    assert "Google's service sent" in str(error)


def test_a_service_out_of_reach_is_said_to_be(engine, gemini):
    gemini.close()

    (error,) = engine.generate([request_for()])

    assert str(error).startswith("Google's service could not be reached")


def test_each_of_a_batch_has_its_own_end_and_progress(engine, gemini):
    gemini.takes_s = 0.5
    shown = []
    gone = request_for("sad strings", cancelled=lambda: True)
    kept = request_for(progress=lambda stage, fraction: shown.append((stage, fraction)))
    began = time.monotonic()

    first, second = engine.generate([gone, kept])

    assert isinstance(first, Cancelled)
    assert len(heard(second)) == 5 * RATE
    assert {stage for stage, _ in shown} == {"rendering"}
    fractions = [fraction for _, fraction in shown]
    assert fractions == sorted(fractions)
    assert len(set(fractions)) >= 3
    assert fractions[-1] == 1.0
    assert time.monotonic() - began < 60


def test_a_pause_between_attempts_ends_with_the_track(gemini):
    engine = LyriaEngine(ModelSource(name="lyria-3.5", api_key=KEY, base_url=gemini.url), pause_s=600)
    gemini.troubles = [trouble(503, "overloaded")]

    (error,) = engine.generate([request_for(cancelled=lambda: len(gemini.asked) > 0)])

    assert isinstance(error, Cancelled)


def test_without_a_key_nothing_is_accepted_and_the_setting_is_named(tmp_path):
    settings = Settings(data_dir=tmp_path, workers=1)
    with TestClient(create_app(settings, wiring.make_service(settings))) as client:
        answer = client.post("/music/generate", json={"prompt": "piano", "model": "lyria-3.5"})
        listed = {one["name"]: one for one in client.get("/music/models").json()["models"]}

    assert answer.status_code == 409
    assert "MUSIC_GEMINI_API_KEY" in answer.json()["detail"]
    assert listed["lyria-3.5"]["state"] == "needs_key"


@pytest.mark.parametrize("model", [row.name for row in CATALOGUE.values() if row.engine == "musiclm"])
def test_more_than_a_model_can_make_is_refused(tmp_path, model):
    settings = Settings(data_dir=tmp_path, workers=1, gemini_api_key=KEY)
    longest_s = CATALOGUE[model].capabilities.longest_s
    with TestClient(create_app(settings, wiring.make_service(settings))) as client:
        answer = client.post("/music/generate", json={"prompt": "piano", "model": model, "duration": longest_s + 1})

    assert answer.status_code == 422
    assert f"at most {longest_s} seconds" in answer.text
