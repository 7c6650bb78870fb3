"""A model from its files to its music, through the real service: the same bytes each time, after a restart too."""

import asyncio
from io import BytesIO

import pytest

from app.config import Settings
from app.errors import InvalidFields, MusicError
from app.models.asked import asked_of
from app.models.sent import SentFile
from app.services.finetunes import Finetunes
from app.services.jobs import lesson_process
from app.services.styles import load_style
from app.wiring import make_service
from tests.learning.corpora import jig

pytestmark = pytest.mark.integration

WISH = {"prompt": "a happy dance in jazz", "duration": 5, "model": "composer:jigs", "seed": 4}


async def until_finished(look):
    for _ in range(6_000):  # practising takes its time where every line is counted
        found = await look()
        if found.finished:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"still {found.stage}")


async def made(service):
    body = await service.generate_music(**WISH)
    track = await until_finished(lambda: service.get_track(body["track_id"]))
    assert track.status == "completed", track.error
    return track


def digest(track):
    return track.file("mp3").sha256


async def test_a_taught_model_makes_the_same_bytes_after_a_restart_and_none_once_it_is_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(lesson_process, "NICENESS", 0)  # beside other tests it would have to wait for them all
    settings = Settings(data_dir=tmp_path, workers=1)
    service = make_service(settings)
    finetunes = Finetunes(service)
    sent = [SentFile(name=f"{n}.mid", content=BytesIO(jig(n, bars=8))) for n in range(4)]
    taught = await finetunes.ask("jigs", sent, style="folk", strength=1.0, seed=1)
    taught = await until_finished(lambda: finetunes.get(taught.id))
    first, other = await made(service), await service.generate_music(**{**WISH, "model": "composer"})
    plan = await service.plan_music(**WISH)
    await service.close()

    service = make_service(settings)
    again = await made(service)

    assert digest(first) == digest(again)
    assert first.plan == {**plan["plan"], "candidate": first.plan["candidate"]}
    assert first.plan["style"] == taught.learned["style"]
    assert first.plan["time_signature"] == "3/4"
    assert (await until_finished(lambda: service.get_track(other["track_id"]))).plan["style"] == "jazz"
    assert load_style(taught.learned["style"]).title == "jigs"

    finetunes = Finetunes(service)
    await finetunes.delete(taught.id)
    with pytest.raises(MusicError, match="unknown model"):
        await service.generate_music(**WISH)
    with pytest.raises(InvalidFields, match="a learned one that this server has"):
        await service.generate_music("again", asked=asked_of({"plan": first.plan}))
    await service.close()
