"""Sending one message to an address that was checked."""

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from app.services.hooks.addresses import Target

#: What receivers see of us.
_NAME = "music-ai-generator-backend"


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What came of an attempt."""

    #: The answer's status; None where there was none.
    status: int | None = None
    #: Why there was none, or what is wrong with it.
    error: str | None = None
    #: Whether the address wants to hear nothing any more.
    gone: bool = False

    @property
    def ok(self) -> bool:
        """Whether it was taken."""
        return self.status is not None and 200 <= self.status < 300


class Sender:
    """Connects to what was checked, and to nothing else: no redirects, no proxies, no cookies."""

    def __init__(self, within_s: float) -> None:
        self._within_s = within_s
        self._client: Any = None

    async def __aenter__(self) -> "Sender":
        import httpx

        self._client = httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=self._within_s)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def send(self, target: Target, headers: dict[str, str], body: bytes) -> Told:
        """Send it: what came of that. The answer's body is left unread."""
        import httpx

        try:
            return await asyncio.wait_for(self._post(target, headers, body), self._within_s)
        except (asyncio.TimeoutError, httpx.TimeoutException):
            return Told(error=f"no answer within {self._within_s:g} s")
        except httpx.HTTPError as error:
            return Told(error=f"no answer: {type(error).__name__}")

    async def _post(self, target: Target, headers: dict[str, str], body: bytes) -> Told:
        host = f"[{target.host}]" if ":" in target.host else target.host
        usual = {"http": 80, "https": 443}[target.scheme]
        number = f"[{target.address}]" if ":" in target.address else target.address
        request = self._client.build_request(
            "POST",
            f"{target.scheme}://{number}:{target.port}{target.path}",
            headers={
                **headers,
                "Host": host if target.port == usual else f"{host}:{target.port}",
                "Content-Type": "application/json",
                "User-Agent": _NAME,
            },
            content=body,
            # The certificate must be that of the name, though the number is what is connected to.
            extensions={"sni_hostname": target.host},
        )
        answer = await self._client.send(request, stream=True)
        try:
            status = int(answer.status_code)
        finally:
            await answer.aclose()
        if status == 410:
            return Told(status=status, error="the address said that it is gone", gone=True)
        if 300 <= status < 400:
            return Told(status=status, error="redirects are not followed")
        return Told(status=status, error=None if 200 <= status < 300 else f"answered {status}")
