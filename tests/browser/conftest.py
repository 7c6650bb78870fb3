"""A real service, a real Chromium: the studio as people use it, on a desk and on a phone."""

import os
import re
from urllib.parse import urlsplit

import pytest

# Where only the default environment is set up, the whole folder is left out, and says why.
playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright (requirements/browser.txt) drives a browser: python run_tests.py browser"
)

from tests.durability.server import Server  # noqa: E402 - what it needs is not there without the line above

#: Seconds that anything may take before it counts as not happening.
PATIENCE_S = int(os.environ.get("STUDIO_PATIENCE", "90"))
playwright.expect.set_options(timeout=PATIENCE_S * 1000)

SIZES = {
    "desk": {"viewport": {"width": 1280, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
}

#: What the browser itself writes about an answer that is an error, or about a server that is gone.
ABOUT_ANSWERS = re.compile(r"Failed to load resource")


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("studio"), measured=False)
    yield server
    server.terminate()


@pytest.fixture(scope="session")
def chromium():
    program = os.environ.get("STUDIO_BROWSER")
    if not program:
        pytest.skip("STUDIO_BROWSER names no browser: python run_tests.py browser")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


class Studio:
    """A page of the studio, and what went wrong on it."""

    def __init__(self, browser, url, size, **options):
        self.url = f"{url}/studio"
        self.size = size
        self.context = browser.new_context(**{**SIZES[size], "locale": "en-GB", "reduced_motion": "reduce", **options})
        self.context.set_default_timeout(PATIENCE_S * 1000)
        self.page = self.context.new_page()
        self.faults = []
        #: Patterns of console lines that a test brings about on purpose.
        self.expected = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("request", self._watch)

    def _hear(self, message):
        if message.type in ("error", "warning"):
            self.faults.append(f"{message.type}: {message.text}")

    def _watch(self, request):
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != urlsplit(self.url).netloc:
            self.faults.append(f"another host: {request.url}")

    def open(self, where=""):
        self.page.goto(f"{self.url}{where}")
        playwright.expect(self.page.locator("#model option").first).to_be_attached()
        return self.page

    def make(self, prompt, seconds=5):
        """Ask for a track and wait until it is there; its id."""
        self.page.fill("#prompt", prompt)
        self.length(seconds)
        self.page.click("#make")
        return self.finished()

    def length(self, seconds):
        self.page.fill(".length input[type=number]", str(seconds))
        self.page.press(".length input[type=number]", "Tab")

    def finished(self):
        playwright.expect(self.page.locator("#downloads")).to_be_visible()
        return self.page.evaluate("location.hash.split('=')[1]")

    def close(self):
        unexpected = [fault for fault in self.faults if not any(re.search(known, fault) for known in self.expected)]
        self.context.close()
        assert unexpected == []


@pytest.fixture(params=list(SIZES))
def studio(chromium, server, request):
    """The studio on a desk, then on a phone; it fails what leaves an error or asks another host."""
    studio = Studio(chromium, server.url, request.param)
    yield studio
    studio.close()


@pytest.fixture
def desk(chromium, server):
    """The studio on a desk, for what does not depend on the size."""
    studio = Studio(chromium, server.url, "desk")
    yield studio
    studio.close()


@pytest.fixture(scope="session")
def piece(server):
    """A finished track that tests look at and leave alone."""
    asked = {"prompt": "jazz piano with saxophone", "duration": 12, "seed": 7}
    track_id = server.client.post("/music/generate", json=asked).json()["track_id"]
    server.wait_for(track_id, lambda record: record["status"] == "completed")
    return track_id


@pytest.fixture
def hands():
    """Seed of random hands, and how many seconds they go on; STUDIO_HANDS_S makes it a long night."""
    return int(os.environ.get("STUDIO_HANDS_SEED", "7")), float(os.environ.get("STUDIO_HANDS_S", "60"))
