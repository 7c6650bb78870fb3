"""Secrets stand in no log and in no answer but the one that is for them, however much is logged."""

import os
import re
import subprocess
import sys

import pytest

pytest.importorskip("psutil", reason="psutil (requirements/dev.txt) watches the processes")

from tests.durability.server import ROOT, Server
from tests.jobs.conftest import until

pytestmark = pytest.mark.security

GEMINI_KEY = "AIza-a-key-of-somebody-else-0123456789"


def test_no_secret_is_logged_or_told(tmp_path):
    made = subprocess.run(
        [sys.executable, "-m", "app.cli", "keys", "create", "tests", "--scopes", "admin"],
        cwd=ROOT, env={**os.environ, "MUSIC_DATA_DIR": str(tmp_path)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    key = re.search(r"mk_\w+", made.stdout)[0]
    server = Server(
        tmp_path, measured=False, MUSIC_AUTH="keys", MUSIC_LOG_LEVEL="debug", MUSIC_WEBHOOKS="true",
        MUSIC_WEBHOOK_ALLOW="127.0.0.1", MUSIC_GEMINI_API_KEY=GEMINI_KEY, MUSIC_GEMINI_URL="http://127.0.0.1:9",
    )  # fmt: skip
    told = []
    try:
        server.client.headers["Authorization"] = f"Bearer {key}"
        server.client.event_hooks["response"].append(lambda answer: told.append(answer.read().decode(errors="replace")))
        secret = server.client.get("/music/webhooks/secret").json()["secret"]
        told.clear()  # this one is for it
        hook = {"webhook_url": "http://127.0.0.1:9/hook"}
        body = {"prompt": "calm piano", "duration": 5, **hook}
        track_id = server.client.post("/music/generate", json=body).json()["track_id"]
        link = server.wait_for(track_id, lambda record: record["status"] == "completed")["download_url"]
        server.client.get(link.replace("signature=", "signature=0"))
        server.client.post("/music/generate", json={**body, "model": "musiclm"})
        server.client.get("/music/tracks", headers={"Authorization": f"Bearer {key[:-1]}0"})
        for path in ("/ready", "/metrics", "/music/models", "/openapi.json", "/admin/keys", "/admin/audit"):
            server.client.get(path)
        until(lambda: server.client.get("/music/webhooks").json()["messages"][0]["attempts"])
    finally:
        server.terminate()

    logged, answered = "".join(server.output), "".join(told)
    assert track_id in logged
    signature = re.search(r"signature=([^&]+)", link)[1]
    for hidden in (GEMINI_KEY, key[16:60], secret.removeprefix("whsec_")):
        assert hidden not in logged
        assert hidden not in answered
    assert signature not in logged
