"""A hub on this machine, as far as fetching goes, in the hub's published shapes."""

import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

COMMIT = "5f" * 20

#: A tiny pipeline in the published layout, beside what must not be fetched.
RIFFUSION = {
    "README.md": b"# Riffusion",
    "model_index.json": json.dumps(
        {
            "_class_name": "StableDiffusionPipeline",
            "unet": ["diffusers", "UNet2DConditionModel"],
            "vae": ["diffusers", "AutoencoderKL"],
            "text_encoder": ["transformers", "CLIPTextModel"],
            "tokenizer": ["transformers", "CLIPTokenizer"],
            "scheduler": ["diffusers", "PNDMScheduler"],
            "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
        }
    ).encode(),
    "unet/config.json": b"{}",
    "unet/diffusion_pytorch_model.safetensors": bytes(range(256)) * 20_000,
    "unet/diffusion_pytorch_model.fp16.safetensors": b"half",
    "unet/diffusion_pytorch_model.bin": b"a pickle",
    "vae/config.json": b"{}",
    "vae/diffusion_pytorch_model.safetensors": b"vae" * 100,
    "text_encoder/config.json": b"{}",
    "text_encoder/model.safetensors": b"words" * 100,
    "tokenizer/vocab.json": b"{}",
    "tokenizer/merges.txt": b"#version: 0.2\n",
    "scheduler/scheduler_config.json": b"{}",
    "safety_checker/config.json": b"{}",
    "safety_checker/model.safetensors": b"nakedness",
    "riffusion-model-v1.ckpt": b"a pickle",
}

FETCHED = {
    "model_index.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "tokenizer/merges.txt",
    "tokenizer/vocab.json",
    "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
}


class Hub(ThreadingHTTPServer):
    """Repositories by name, each its files by name."""

    daemon_threads = True

    def __init__(self, repositories):
        super().__init__(("127.0.0.1", 0), _Answer)
        self.repositories = repositories
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        #: (path, Range or None) of each file that was asked for.
        self.asked = []
        #: Bytes after which answers break off, one a download; whole answers afterwards.
        self.breaks = []
        #: Whether to forget that Range exists.
        self.ignores_ranges = False
        #: Status instead of every answer.
        self.refuses = None
        #: Error code of a refusal, as the hub's library reads it.
        self.code = ""
        #: What is sent instead of what was promised.
        self.instead = None


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def _answer(self, *, body):
        hub, path = self.server, urlsplit(self.path).path
        if hub.refuses is not None:
            self._send(hub.refuses, b"{}", {"X-Error-Code": hub.code, "X-Error-Message": "no"}, body)
            return
        if path.startswith("/api/models/"):
            repository, _, rest = path.removeprefix("/api/models/").partition("/revision/")
            if not rest:
                repository = path.removeprefix("/api/models/").partition("/tree/")[0]
            files = hub.repositories.get(repository)
            if files is None:
                self._send(401, b"{}", {"X-Error-Code": "RepoNotFound"}, body)
            elif rest and rest not in ("main", COMMIT):
                self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"}, body)
            else:
                answer = _card(repository, files) if rest else [_entry(name, files[name]) for name in sorted(files)]
                self._send(200, json.dumps(answer).encode(), {"Content-Type": "application/json"}, body)
            return
        if path.startswith("/cdn/"):
            self._send_file(
                path, next(c for f in hub.repositories.values() for c in f.values() if _sha256(c) == path[5:])
            )
            return
        repository, _, rest = path[1:].partition("/resolve/")
        if repository not in hub.repositories:  # the library asks for more than weights
            self._send(404, b"{}", {}, body)
            return
        content = hub.repositories[repository][rest.partition("/")[2]]
        facts = {"X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if _is_large(rest):
            facts |= {"X-Linked-Etag": f'"{_sha256(content)}"', "X-Linked-Size": str(len(content))}
            self._send(
                302,
                b"",
                {**facts, "Location": f"http://localhost:{hub.server_address[1]}/cdn/{_sha256(content)}"},
                body,
            )
        elif body:
            self._send_file(path, content)
        else:
            self._send(200, content, {**facts, "ETag": f'"{_oid(content)}"'}, body)

    def _send_file(self, path, content):
        hub, asked = self.server, self.headers.get("Range")
        hub.asked.append((path, asked))
        status, facts = 200, {}
        if hub.instead is not None:
            content = hub.instead[: len(content)].ljust(len(content), b"!")
        total = len(content)
        if asked and not hub.ignores_ranges:
            first = int(asked.removeprefix("bytes=").rstrip("-"))
            status, facts = 206, {"Content-Range": f"bytes {first}-{total - 1}/{total}"}
            content = content[first:]
        self._send(status, content, facts, True, breaks_at=hub.breaks.pop(0) if hub.breaks else None)

    def _send(self, status, content, facts, body, breaks_at=None):
        self.send_response(status)
        for name, value in {**facts, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content if breaks_at is None else content[:breaks_at])
        if breaks_at is not None:
            self.close_connection = True
            self.connection.close()

    def log_message(self, *_):
        pass


def _is_large(name):
    return name.endswith((".safetensors", ".bin", ".ckpt"))


def _sha256(content):
    return hashlib.sha256(content).hexdigest()


def _oid(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _card(repository, files):
    siblings = [
        {"rfilename": name, "size": len(content), "blobId": _oid(content)}
        | ({"lfs": {"sha256": _sha256(content), "size": len(content), "pointerSize": 134}} if _is_large(name) else {})
        for name, content in sorted(files.items())
    ]
    return {
        "_id": "0" * 24, "id": repository, "modelId": repository, "sha": COMMIT, "private": False, "gated": False,
        "disabled": False, "downloads": 1, "likes": 0, "tags": [], "siblings": siblings,
    }  # fmt: skip


def _entry(name, content):
    large = {"lfs": {"oid": _sha256(content), "size": len(content), "pointerSize": 134}} if _is_large(name) else {}
    return {"type": "file", "oid": _oid(content), "size": len(content), "path": name, **large}


@contextmanager
def serving(repositories):
    """A hub that answers while inside."""
    with Hub(repositories) as hub:
        thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()
