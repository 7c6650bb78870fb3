"""Clients of a real server, each doing one thing after another, as a day's mixed use does."""

import asyncio
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx

#: Prompts, for music of several kinds.
PROMPTS = ("calm piano", "energetic techno", "jazz trio with double bass", "orchestral film music", "folk guitar")
#: Seconds of music that is asked for.
LENGTHS_S = (5, 8, 12)
#: What becomes of a track, and how often: followed and fetched, heard while it is made, fetched in parts, in a form on
#: demand, or stopped.
LIVES = (("events", 3), ("polls", 3), ("stream", 2), ("range", 1), ("form", 1), ("cancel", 2))
#: Seconds between two questions for one track, as the example client has it, and for whether it can be heard.
POLL_S, LISTEN_S = 2.0, 0.2


@dataclass
class Seen:
    """What the clients saw since it was last taken away."""

    #: Answers by what was asked for.
    asked: Counter[str] = field(default_factory=Counter)
    #: Seconds that each status answer took.
    status_s: list[float] = field(default_factory=list)
    #: What should not have been, in sentences.
    problems: list[str] = field(default_factory=list)


class Client:
    """One who makes tracks for as long as it is let, and removes what it made."""

    def __init__(self, url: str, seen: Seen, seed: int) -> None:
        self.seen = seen
        self._dice = random.Random(seed)  # noqa: S311 - it draws what clients do
        self._http = httpx.AsyncClient(base_url=url, timeout=60)

    async def run(self, until: float) -> None:
        """Begin one life after another until a moment of the monotonic clock."""
        async with self._http:
            while time.monotonic() < until:
                await self._try(until)

    async def _try(self, until: float) -> None:
        try:
            await self._one(until)
        except httpx.HTTPError as error:
            self.seen.problems.append(f"no answer: {error!r}")
            await asyncio.sleep(1)

    async def _one(self, until: float) -> None:
        dice = self._dice
        life = dice.choices([name for name, _ in LIVES], [often for _, often in LIVES])[0]
        body = {"prompt": dice.choice(PROMPTS), "duration": dice.choice(LENGTHS_S), "seed": dice.randrange(10**6)}
        made = await self._ask("generate", "POST", "/music/generate", (200, 503), json=body)
        if made.status_code == 503:
            await asyncio.sleep(min(5.0, float(made.headers["retry-after"])))
            return
        track_id = made.json()["track_id"]
        try:
            if life == "cancel":
                await asyncio.sleep(dice.random())
                await self._ask("cancel", "POST", f"/music/tracks/{track_id}/cancel", (200, 409))
                return
            if life == "stream":
                await self._listen(track_id, until)
            if await (self._hear(track_id) if life == "events" else self._poll(track_id, until)):
                await self._fetch(track_id, life)
        finally:
            await self._ask("delete", "DELETE", f"/music/tracks/{track_id}", (204,))

    async def _hear(self, track_id: str) -> bool:
        """Whether the track's last event says that it is completed."""
        self.seen.asked["events"] += 1
        last = ""
        async with self._http.stream("GET", f"/music/tracks/{track_id}/events", timeout=120) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    last = line[6:]
        return self._completed(json.loads(last or "{}"))

    async def _listen(self, track_id: str, until: float) -> None:
        """Hear the track from its first sound to its last, while it is made if it can be heard by then."""
        while not (await self._ask("record", "GET", f"/music/tracks/{track_id}", (200,))).json()["audible"]:
            if time.monotonic() > until + 120:
                self.seen.problems.append(f"{track_id} could never be heard")
                return
            await asyncio.sleep(LISTEN_S)
        heard = await self._ask("stream", "GET", f"/music/tracks/{track_id}/stream", (200,))
        if len(heard.content) < 20_000:
            self.seen.problems.append(f"a stream of {len(heard.content)} bytes")

    async def _poll(self, track_id: str, until: float) -> bool:
        while True:
            began = time.perf_counter()
            answer = await self._ask("status", "GET", f"/music/status/{track_id}", (200,))
            self.seen.status_s.append(time.perf_counter() - began)
            if answer.json()["status"] != "processing":
                return self._completed(answer.json())
            if time.monotonic() > until + 120:
                self.seen.problems.append(f"{track_id} never ended")
                return False
            await asyncio.sleep(POLL_S)

    def _completed(self, status: dict[str, object]) -> bool:
        if status.get("status") != "completed":
            self.seen.problems.append(f"a track ended as {status.get('status')}: {status.get('error')}")
        return status.get("status") == "completed"

    async def _fetch(self, track_id: str, life: str) -> None:
        form, headers = ("ogg" if life == "form" else "mp3"), {}
        if life == "range":
            headers = {"Range": "bytes=1000-50999"}
        answer = await self._ask("download", "GET", f"/downloads/{track_id}.{form}", (200, 206), headers=headers)
        if len(answer.content) < 20_000:
            self.seen.problems.append(f"a file of {len(answer.content)} bytes")

    async def _ask(self, what: str, method: str, path: str, allowed: tuple[int, ...], **more: object) -> httpx.Response:
        answer = await self._http.request(method, path, **more)  # type: ignore[arg-type]  # passed on as it is
        self.seen.asked[what] += 1
        if answer.status_code not in allowed:
            self.seen.problems.append(f"{what} was answered {answer.status_code}: {answer.text[:200]}")
        return answer
