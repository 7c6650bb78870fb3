"""Overload: ten times as many requests as can be made; what is accepted is finished, the rest is refused at once."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

import httpx

from benchmarks.servers import serving

#: What is asked for, and how many of them are timed to know what the server can do.
BODY = {"prompt": "calm piano", "duration": 5}
TIMED = 8
#: How many times too much.
TIMES = 10
#: Status questions a second, from clients that poll meanwhile.
STATUS_PER_S = 20.0
#: Tracks that may wait.
QUEUE = 20
#: Seconds until all that was accepted must be finished.
PATIENCE_S = 600.0


@dataclass(kw_only=True)
class Overloaded:
    """What came of it."""

    #: Tracks a second that the server makes, and that were asked for.
    capacity: float = 0.0
    asked_per_s: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    accepted_s: list[float] = field(default_factory=list)
    refused_s: list[float] = field(default_factory=list)
    status_s: list[float] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def overload(*, seconds: float) -> Overloaded:
    """Ask a real server for ten times what it can do, for so long."""
    with serving(environment={"MUSIC_WORKERS": "1", "MUSIC_MAX_QUEUE": str(QUEUE)}) as server:
        return asyncio.run(_overload(server.url, seconds))


async def _overload(url: str, seconds: float) -> Overloaded:
    result = Overloaded()
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as client:
        result.capacity = await _capacity(client)
        accepted: list[str] = []
        until = time.monotonic() + seconds
        asking = asyncio.create_task(_ask_steadily(client, result, accepted, until))
        await _poll_steadily(client, result, accepted, until)
        await asking
        result.asked_per_s = sum(result.statuses.values()) / seconds
        await _wait_for_all(client, result, accepted)
    return result


async def _capacity(client: httpx.AsyncClient) -> float:
    """Tracks a second, of a server that is warm."""
    for count in (1, TIMED):
        began = time.monotonic()
        made = [(await client.post("/music/generate", json=BODY)).json()["track_id"] for _ in range(count)]
        for track_id in made:
            while (await client.get(f"/music/status/{track_id}")).json()["status"] == "processing":
                await asyncio.sleep(0.02)
    return TIMED / (time.monotonic() - began)


async def _ask_steadily(client: httpx.AsyncClient, result: Overloaded, accepted: list[str], until: float) -> None:
    async def ask() -> None:
        began = time.perf_counter()
        answer = await client.post("/music/generate", json=BODY)
        took_s = time.perf_counter() - began
        result.statuses[answer.status_code] += 1
        if answer.status_code == 200:
            result.accepted_s.append(took_s)
            accepted.append(answer.json()["track_id"])
        else:
            result.refused_s.append(took_s)
            if answer.status_code != 503 or "retry-after" not in answer.headers:
                result.problems.append(f"refused with {answer.status_code}: {answer.text[:100]}")

    await _steadily(ask, TIMES * result.capacity, until)


async def _poll_steadily(client: httpx.AsyncClient, result: Overloaded, accepted: list[str], until: float) -> None:
    async def poll() -> None:
        if accepted:
            began = time.perf_counter()
            answer = await client.get(f"/music/status/{accepted[-1]}")
            result.status_s.append(time.perf_counter() - began)
            if answer.status_code != 200:
                result.problems.append(f"a status was answered {answer.status_code}")

    await _steadily(poll, STATUS_PER_S, until)


async def _steadily(call: Callable[[], Coroutine[None, None, None]], per_s: float, until: float) -> None:
    """Call so often, whether those before were answered or not: strangers don't wait for each other."""
    calls: list[asyncio.Task[None]] = []
    due = time.monotonic()
    while due < until:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        calls.append(asyncio.create_task(call()))
        due += 1 / per_s
    await asyncio.gather(*calls)


async def _wait_for_all(client: httpx.AsyncClient, result: Overloaded, accepted: list[str]) -> None:
    until = time.monotonic() + PATIENCE_S
    for track_id in accepted:
        while (body := (await client.get(f"/music/status/{track_id}")).json())["status"] == "processing":
            if time.monotonic() > until:
                break
            await asyncio.sleep(0.1)
        result.ends[body["status"]] += 1
    if result.ends["completed"] != len(accepted):
        result.problems.append(f"of {len(accepted)} tracks accepted, {dict(result.ends)}")
