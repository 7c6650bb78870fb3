"""A stand-in for the Gemini API: it speaks the documented shapes of the Interactions API and plays tones."""

import base64
import io
import json
import re
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import soundfile

RATE = 44_100
KEY = "a key of the tests"


class Gemini:
    """What it was asked, and how it answers."""

    def __init__(self):
        #: (path, headers with lower-case names, body) of each request.
        self.asked = []
        #: Seconds that an answer takes.
        self.takes_s = 0.0
        #: (status, body, headers) of the next answers, in place of music.
        self.troubles = []
        #: What the music is sent as, and how long it is where the words do not say.
        self.form, self.seconds = ("MP3", "audio/mpeg"), None
        self.content = None
        gemini = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                gemini.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                time.sleep(gemini.takes_s)
                with suppress(BrokenPipeError, ConnectionResetError):  # nobody waits any more
                    gemini.answer(self, body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, handler, body):
        status, said, headers = self.troubles.pop(0) if self.troubles else (200, self.interaction(body), {})
        content = said if isinstance(said, bytes) else json.dumps(said).encode()
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": len(content), **headers}.items():
            handler.send_header(name, str(value))
        handler.end_headers()
        handler.wfile.write(content)

    def interaction(self, body):
        seconds = self.seconds or int(re.search(r"lasts (\d+) seconds", body["input"])[1])
        form, media_type = self.form
        audio = {"type": "audio", "mime_type": media_type}
        samples = tones(body["input"], seconds)
        if form is None:
            audio |= {"data": text_of((samples * 32767).astype("<i2").tobytes()), "sample_rate": RATE, "channels": 2}
        else:
            file = io.BytesIO()
            soundfile.write(file, samples, RATE, format=form)
            audio["data"] = text_of(file.getvalue())
        moment = "2026-01-01T00:00:00Z"
        return {
            "id": "interaction-1", "object": "interaction", "model": body["model"], "status": "completed",
            "created": moment, "updated": moment,
            "steps": [{"type": "model_output", "content": [{"type": "text", "text": "[Intro]"}, audio]}],
        }  # fmt: skip


def text_of(content):
    return base64.b64encode(content).decode("ascii")


def tones(words, seconds):
    """A chord that depends on the words, shape (frames, 2)."""
    pitch = 220.0 * 2 ** (sum(words.encode()) % 12 / 12)
    moments = np.arange(int(seconds * RATE)) / RATE
    swell = 0.2 + 0.1 * np.sin(2 * np.pi * moments)
    left, right = (sum(np.sin(2 * np.pi * pitch * part * moments) for part in parts) for parts in ((1, 1.5), (1, 2)))
    return (np.stack([left, right], axis=1) * swell[:, None] * 0.4).astype(np.float32)


@contextmanager
def ready(_folder):
    """The name of a model, and the settings that have it ask the stand-in."""
    gemini = Gemini()
    gemini.takes_s = 1.0
    try:
        yield "lyria-3.5", {"gemini_api_key": KEY, "gemini_url": gemini.url}
    finally:
        gemini.close()
