"""What holds for the whole page: quick, small, readable to all, and steady under any hands."""

import random
import time

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright import sync_api as driver
from playwright.sync_api import expect


def violations(page):
    found = Axe().run(page).response["violations"]
    return [f"{fault['id']}: {node['target']} {node['failureSummary']}" for fault in found for node in fault["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_hinders_those_who_listen_to_the_page(studio, piece, scheme):
    studio.page.emulate_media(color_scheme=scheme)
    page = studio.open()
    assert violations(page) == []
    page.fill("#prompt", "fast sad jazz piano, blorptastic, slow")
    expect(page.locator(".conflicts")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Set something").click()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.evaluate("id => { location.hash = `track=${id}`; }", piece)
    tabs = page.get_by_role("tab")
    expect(tabs.first).to_be_visible()
    for i in range(tabs.count()):
        tabs.nth(i).click()
        assert violations(page) == [], tabs.nth(i).text_content()


def test_the_first_paint_comes_within_a_second(desk):
    desk.open()  # the caches of the server, not of the browser
    paints = []
    for _ in range(3):
        page = desk.context.new_page()
        page.goto(desk.url)
        page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
        paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
        page.close()

    assert min(paints) < 1000  # the least disturbed of three


def test_the_page_travels_in_less_than_150_kb(desk):
    with desk.page.expect_event("load"):
        desk.open()
    sizes = desk.page.evaluate(
        "performance.getEntriesByType('resource').map(({ name, transferSize }) => [name, transferSize])"
    )
    page = {name: size for name, size in sizes if "/studio/" in name}

    assert len(page) > 15
    assert sum(page.values()) < 150_000


def test_nothing_is_wider_than_the_screen(studio, piece):
    page = studio.open(f"#track={piece}")
    expect(page.locator(".section .go").first).to_be_visible()
    page.fill("#prompt", "a very long prompt " * 12 + "w" * 120)
    for tab in page.get_by_role("tab").all():
        tab.click()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_track_is_made_and_heard_without_a_pointer(desk):
    page = desk.open()
    page.locator("#prompt").focus()
    page.keyboard.type("calm piano")
    page.keyboard.press("Control+Enter")
    desk.finished()
    page.locator("#tab-listen").focus()
    page.keyboard.press("ArrowRight")

    expect(page.locator("[role=tab][aria-selected=true]")).not_to_have_id("tab-listen")


#: What a hand may touch.
REACHABLE = "button:visible:enabled, input:visible:enabled, select:visible:enabled, [role=tab]:visible, canvas:visible"

KEYS = ["Escape", "Tab", "Enter", "ArrowRight", "ArrowLeft", "Home", "End", " ", "b"]

#: What may be left over for good once everything a hand opened is closed again.
MOST_MORE_NODES = 4000
MOST_MORE_MB = 25


class Memory:
    """What a page holds, after everything that nobody uses was thrown away."""

    def __init__(self, page):
        self.devtools = page.context.new_cdp_session(page)
        self.devtools.send("Performance.enable")

    def look(self):
        self.devtools.send("HeapProfiler.collectGarbage")
        metrics = {row["name"]: row["value"] for row in self.devtools.send("Performance.getMetrics")["metrics"]}
        return metrics["Nodes"], metrics["JSHeapUsedSize"] / 1e6


def touch(page, dice):
    """One thing that a hand may do."""
    things = page.locator(REACHABLE)
    if not (count := things.count()):
        return
    thing = things.nth(dice.randrange(count))
    tag, kind = thing.evaluate("element => [element.tagName, element.type]")
    if dice.random() < 0.15:
        page.keyboard.press(dice.choice(KEYS))
    elif tag == "SELECT":
        options = thing.locator("option").count()
        thing.select_option(index=dice.randrange(max(1, options)))
    elif tag == "INPUT" and kind in ("text", "search", "number"):
        thing.fill(str(dice.randrange(0, 400)))
    else:
        box = thing.bounding_box() or {"width": 2, "height": 2}  # gone meanwhile
        thing.click(position={"x": dice.uniform(0, box["width"] - 1), "y": dice.uniform(0, box["height"] - 1)})


def test_random_hands_leave_no_error_and_no_growing_memory(studio, piece, hands):
    seed, seconds = hands
    dice = random.Random(seed)  # noqa: S311 - hands, not secrets
    page = studio.open(f"#track={piece}")
    # They make nothing and remove nothing: hundreds of tracks would be about the server.
    full = {"status": 503, "headers": {"Retry-After": "600"}, "json": {"detail": "The queue is full"}}
    for path in ("**/music/generate", "**/music/compare"):
        page.route(path, lambda route: route.fulfill(**full))
    page.route(
        "**/music/tracks/*",
        lambda route: route.fulfill(status=204) if route.request.method == "DELETE" else route.continue_(),
    )
    studio.expected.append(r"Failed to load resource.*(409|422|503)")
    page.set_default_timeout(2000)
    memory = Memory(page)
    before = None
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            touch(page, dice)
        except driver.Error:  # it moved away under the hand, or lies below something
            page.keyboard.press("Escape")
        if before is None and time.monotonic() > end - seconds / 2:
            before = settled(studio, memory)
            page.evaluate("id => { location.hash = `track=${id}`; }", piece)

    nodes, megabytes = (after - earlier for after, earlier in zip(settled(studio, memory), before, strict=True))
    assert nodes < MOST_MORE_NODES
    assert megabytes < MOST_MORE_MB


def settled(studio, memory):
    """What the page holds with nothing open."""
    studio.page.keyboard.press("Escape")
    studio.page.evaluate("location.hash = ''")
    expect(studio.page.locator("#work")).to_be_hidden()
    studio.page.wait_for_timeout(500)
    return memory.look()
