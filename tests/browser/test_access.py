"""A server that asks for keys: the page asks for one, and then all of it works, sound and downloads too."""

import os
import re
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Studio
from tests.durability.server import ROOT, Server
from tests.jobs.conftest import until


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server with keys, and one of them."""
    folder = tmp_path_factory.mktemp("guarded")
    made = subprocess.run(
        [sys.executable, "-m", "app.cli", "keys", "create", "studio", "--scopes", "generate,read,delete"],
        cwd=ROOT, env={**os.environ, "MUSIC_DATA_DIR": str(folder)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    server = Server(folder, measured=False, MUSIC_AUTH="keys")
    yield server.url, re.search(r"mk_\w+", made.stdout)[0]
    server.terminate()


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_a_key_opens_the_studio(chromium, guarded, size):
    url, key = guarded
    studio = Studio(chromium, url, size)
    studio.expected.append("Failed to load resource.*401")
    page = studio.page
    page.goto(studio.url)
    expect(page.locator("#trouble")).to_contain_text("asks for a key")
    page.fill("#key", "mk_wrong")
    page.get_by_role("button", name="Use key").click()
    expect(page.locator("#trouble")).to_contain_text("not valid here")
    page.fill("#key", key)
    page.get_by_role("button", name="Use key").click()
    expect(page.locator("#trouble")).to_be_empty()
    expect(page.locator("#model option").first).to_be_attached()

    studio.make("calm piano", 6)
    page.wait_for_function("() => Number(document.querySelector('#reel').value) > 0.3")
    page.click("#downloads")
    with page.expect_download() as download:
        page.locator(".pop a[href*='.mp3']").click()
    assert download.value.path().stat().st_size > 50_000
    page.reload()
    expect(page.locator("#downloads")).to_be_visible()
    studio.close()


def test_links_in_the_menu_of_files_open_however_old_the_page_is(chromium, tmp_path):
    folder = tmp_path / "data"
    made = subprocess.run(
        [sys.executable, "-m", "app.cli", "keys", "create", "studio", "--scopes", "generate,read"],
        cwd=ROOT, env={**os.environ, "MUSIC_DATA_DIR": str(folder)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    server = Server(folder, measured=False, MUSIC_AUTH="keys", MUSIC_LINK_LIFE="4s")
    try:
        studio = Studio(chromium, server.url, "desk")
        studio.expected.append("Failed to load resource")
        page = studio.page
        page.goto(studio.url)
        page.fill("#key", re.search(r"mk_\w+", made.stdout)[0])
        page.get_by_role("button", name="Use key").click()
        expect(page.locator("#model option").first).to_be_attached()
        track_id = studio.make("calm piano", 5)
        address = page.evaluate("async id => (await import('./studio/js/api.js')).fileUrl(id, 'flac')", track_id)
        until(lambda: page.request.get(address).status == 403)

        page.click("#downloads")
        with page.expect_download() as download:
            page.locator(".pop a[href*='.flac']").click()

        assert download.value.path().stat().st_size > 50_000
        studio.close()
    finally:
        server.terminate()
