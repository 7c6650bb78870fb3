"""The Lyria engine: Google's released successor of MusicLM, asked over the network through `google-genai`.

One request to the Interactions API makes one piece: `{"model", "input"}` → `steps[].content[]` with text (lyrics and
form) and audio (base64, with its media type). https://ai.google.dev/gemini-api/docs/music-generation

Rule: what fails there is said to have failed there; what may pass is tried again, what was refused is not.
"""

import base64
import io
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import soundfile

from app.errors import Cancelled, GenerationFailed, printable
from app.models.audio import SAMPLE_RATE, Samples
from app.services.engines.base import Capabilities, ModelSource, Take, TakeRequest
from app.services.engines.catalogue import LYRIA_CAPABILITIES
from app.services.engines.shaping import blocks_of, lasting, looped

#: Times that a request is sent before it is given up, and the seconds before the second; the pauses double.
ATTEMPTS, PAUSE_S = 4, 1.0
#: Longest pause that the service may ask for.
LONGEST_PAUSE_S = 60.0
#: Seconds that one answer may take; a song takes it a minute or so.
PATIENCE_S = 300.0
#: Seconds after which half of a piece is thought to be made; the service does not tell.
HALF_MADE_S = 20.0
#: Seconds between two looks at whether somebody still waits.
TICK_S = 0.1

#: Seconds that a loop is asked to last beyond its end, to fade out over its beginning.
_LOOP_FADE_S = 1
#: Words after which the model may sing.
_SUNG = ("vocal", "sing", "song with", "lyric", "voice", "rap", "choir", "chorus of")
#: Answers that may be others a moment later.
_PASSING = frozenset({408, 409, 425, 429})

log = logging.getLogger(__name__)


class LyriaEngine:
    """Lyria behind the Gemini API. Needs a key; costs money with each take."""

    capabilities: Capabilities = LYRIA_CAPABILITIES

    def __init__(self, source: ModelSource, *, pause_s: float = PAUSE_S) -> None:
        self._source = source
        self._pause_s = pause_s
        self._client: Any = None

    def load(self, *, device: str = "auto", dtype: str = "auto", adapter: str | None = None) -> None:  # noqa: ARG002
        """Get ready to ask; nothing is sent."""
        if self._client is not None:
            return
        if not self._source.api_key:
            raise GenerationFailed(f"{self._source.name} needs a key: MUSIC_GEMINI_API_KEY is not set")
        from google import genai
        from google.genai.types import HttpOptions, HttpRetryOptions

        self._client = genai.Client(
            api_key=self._source.api_key,
            vertexai=False,
            http_options=HttpOptions(
                base_url=self._source.base_url,
                timeout=int(PATIENCE_S * 1000),
                retry_options=HttpRetryOptions(attempts=1),  # we try again ourselves, and listen in between
            ),
        )

    def memory_bytes(self) -> int:
        """Nothing is held here."""
        return 0

    def batch_key(self, _request: TakeRequest) -> tuple[object, ...]:
        """All can be on their way at once: each is a request of its own."""
        return ("lyria",)

    def unload(self) -> None:
        """Let go of the connections."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def generate(self, requests: Sequence[TakeRequest]) -> list[Take | Exception]:
        """One take a request, all asked for at once."""
        self.load()
        with ThreadPoolExecutor(len(requests), thread_name_prefix="lyria") as pool:
            return list(pool.map(self._one, requests))

    def _one(self, request: TakeRequest) -> Take | Exception:
        try:
            return self._take(request)
        except Exception as error:  # noqa: BLE001 - the request's own
            return error

    def _take(self, request: TakeRequest) -> Take:
        wanted_s = request.plan.duration_s + (_LOOP_FADE_S if request.plan.loop else 0)
        samples, rate = _Wait(request).until(lambda gone: self._asked(wish_of(request, wanted_s), gone))
        given_s = len(samples) / rate
        frames = request.plan.duration_s * rate
        if request.plan.loop:
            samples = looped(lasting(samples, frames + _LOOP_FADE_S * rate, rate), frames)
        request.progress("rendering", 1.0)
        return Take(
            blocks=blocks_of(lasting(samples, frames, rate)), sample_rate=rate, measured={"given_s": round(given_s, 3)}
        )

    def _asked(self, wish: str, gone: threading.Event) -> tuple[Samples, int]:
        """The service's music for a wish, asked for again where that may help."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                answer = self._client.interactions.create(model=self._source.name, input=wish)
            except Exception as error:  # noqa: PERF203 - what follows takes seconds
                pause_s = self._pause_s * 2 ** (attempt - 1)
                if not may_pass(error) or attempt == ATTEMPTS:
                    raise GenerationFailed(failure_of(error, attempt)) from error
                log.warning("Google's service failed, attempt %d of %d: %s", attempt, ATTEMPTS, said_by(error))
                if gone.wait(min(LONGEST_PAUSE_S, max(pause_s, pause_asked(error)))):
                    raise Cancelled("Cancelled") from error
            else:
                return sound_of(answer)
        raise AssertionError("the last attempt returns or raises")


class _Wait:
    """Waits for work on a thread of its own, moves the progress along, and leaves when nobody waits for the track."""

    def __init__(self, request: TakeRequest) -> None:
        self._request = request
        self._gone = threading.Event()
        self._done = threading.Event()
        self._made: tuple[Samples, int] | None = None
        self._error: Exception | None = None

    def until(self, work: Callable[[threading.Event], tuple[Samples, int]]) -> tuple[Samples, int]:
        """What the work returns, or its error; `Cancelled` as soon as the track is. The request is then left alone."""
        threading.Thread(target=self._run, args=(work,), name="lyria-request", daemon=True).start()
        began = time.monotonic()
        while not self._done.wait(TICK_S):
            if self._request.cancelled():
                self._gone.set()
                raise Cancelled("Cancelled")
            waited_s = time.monotonic() - began
            self._request.progress("rendering", waited_s / (waited_s + HALF_MADE_S))
        if self._error is not None:
            raise self._error
        assert self._made is not None  # noqa: S101 - there is no third way
        return self._made

    def _run(self, work: Callable[[threading.Event], tuple[Samples, int]]) -> None:
        try:
            self._made = work(self._gone)
        except Exception as error:  # noqa: BLE001 - raised where somebody waits
            self._error = error
        finally:
            self._done.set()


def wish_of(request: TakeRequest, seconds: int) -> str:
    """What is sent: the wish, its length, and that nobody should sing unless that was asked for."""
    words = (request.description or request.prompt).rstrip(" .")
    singing = any(word in request.prompt.lower() for word in _SUNG)
    return f"{words}. {'' if singing else 'Instrumental only, no vocals. '}The piece lasts {seconds} seconds."


def sound_of(answer: Any) -> tuple[Samples, int]:
    """Samples, shape (frames, channels), and their rate. `GenerationFailed` where the answer holds no music."""
    audio = getattr(answer, "output_audio", None)
    if audio is None or not audio.data:
        reason = printable(str(getattr(answer, "output_text", None) or ""), 200)
        status = printable(str(getattr(answer, "status", None) or "unknown"), 40)
        raise GenerationFailed(
            f"Google's service sent no music (status {status}){f': {reason}' if reason else ''}; other words may help"
        )
    try:
        return decoded(base64.b64decode(audio.data), str(audio.mime_type), audio.sample_rate, audio.channels)
    except (ValueError, soundfile.LibsndfileError) as error:
        raise GenerationFailed(
            f"Google's service sent music that cannot be read ({printable(str(audio.mime_type), 60)})"
        ) from error


def decoded(
    content: bytes, media_type: str, rate: int | None = None, channels: int | None = None
) -> tuple[Samples, int]:
    """Samples, shape (frames, channels), of a file or of bare 16-bit numbers. ValueError, LibsndfileError."""
    kind, *parameters = (part.strip() for part in media_type.lower().split(";"))
    if kind in ("audio/l16", "audio/pcm"):
        given = dict(parameter.partition("=")[::2] for parameter in parameters)
        width = int(given.get("channels", channels or 1))
        numbers = np.frombuffer(content, "<i2")  # the API's are little-endian, whatever RFC 2586 says
        samples: Samples = (numbers.reshape(-1, width) / 32768.0).astype(np.float32)
        return _at_most_two(samples), int(given.get("rate", rate or SAMPLE_RATE))
    samples, rate = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
    if not len(samples):
        raise ValueError("no samples")
    return _at_most_two(samples), rate


def _at_most_two(samples: Samples) -> Samples:
    return samples if samples.shape[1] <= 2 else samples[:, :2]


def may_pass(error: Exception) -> bool:
    """Whether the same request may succeed a moment later: the network's trouble, too many, or the service's own."""
    status = getattr(error, "status_code", None)
    if status is None:
        return "Connection" in type(error).__name__ or "Timeout" in type(error).__name__ or isinstance(error, OSError)
    return status in _PASSING or status >= 500


def pause_asked(error: Exception) -> float:
    """Seconds that the service asks to wait; 0 where it does not say."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    asked = str(headers.get("retry-after", ""))
    return float(asked) if asked.isascii() and asked.isdigit() else 0.0


def said_by(error: Exception) -> str:
    """What the service, or the network, said: in one line, and nothing of ours."""
    status, body = getattr(error, "status_code", None), getattr(error, "body", None)
    inner = body.get("error") if isinstance(body, dict) else None
    message = inner.get("message") if isinstance(inner, dict) else None
    words = printable(str(message or error), 200)
    return words if status is None else f"{status}, {words}"


def failure_of(error: Exception, attempts: int) -> str:
    """Why a track could not be made there."""
    tried = f"was asked {attempts} times and failed" if attempts > 1 else "refused the request"
    status = getattr(error, "status_code", None)
    if status in (401, 403):
        return f"Google's service does not take the key in MUSIC_GEMINI_API_KEY ({said_by(error)})"
    if status is None:
        return f"Google's service could not be reached ({said_by(error)}); tried {attempts} times"
    return f"Google's service {tried} ({said_by(error)})"
