"""A page of another origin asks, follows, plays, seeks and saves: examples/player.html in a real browser."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.browser.conftest import PATIENCE_S, playwright

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def elsewhere():
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=EXAMPLES))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page(chromium, elsewhere, server):
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE_S * 1000)
    page = context.new_page()
    page.goto(f"{elsewhere}/player.html?base={server.url}")
    yield page
    context.close()


def test_a_page_of_another_origin_asks_follows_plays_seeks_and_saves(page):
    faults = []
    page.on("console", lambda line: faults.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.fill("[name=prompt]", "calm piano")
    page.fill("[name=duration]", "8")
    page.click("button")

    playwright.expect(page.locator("output")).to_have_text("completed")
    assert page.evaluate("document.querySelector('progress').value") == 100
    page.wait_for_function("document.querySelector('audio').readyState >= 1")
    assert page.evaluate("document.querySelector('audio').duration") == pytest.approx(8, abs=0.1)
    page.evaluate(
        "new Promise((done) => { const a = document.querySelector('audio'); a.onseeked = done; a.currentTime = 6; })"
    )
    assert page.evaluate("document.querySelector('audio').currentTime") == pytest.approx(6, abs=0.1)
    assert page.evaluate("document.querySelector('audio').seekable.end(0)") == pytest.approx(8, abs=0.1)
    page.wait_for_function("document.querySelector('img').naturalWidth === 1000")
    with page.expect_download() as saving:
        page.click("a")
    assert saving.value.suggested_filename.endswith(".mp3")
    assert not saving.value.suggested_filename.startswith("track_")
    assert faults == []


def test_a_page_of_another_origin_reads_ranges_and_names(page, server):
    asked = server.client.post("/music/generate", json={"prompt": "piano", "duration": 5}).json()
    track = server.wait_for(asked["track_id"], lambda record: record["status"] == "completed")

    heard = page.evaluate(
        """async (address) => {
          const answer = await fetch(address, {headers: {Range: "bytes=100-199"}});
          const named = ["content-range", "content-disposition", "accept-ranges", "etag"];
          return [answer.status, (await answer.arrayBuffer()).byteLength, ...named.map((n) => answer.headers.get(n))];
        }""",
        track["download_url"],
    )

    assert heard[:2] == [206, 100]
    assert heard[2].startswith("bytes 100-199/")
    assert "filename*=UTF-8''" in heard[3]
    assert heard[4] == "bytes"
    assert heard[5]
