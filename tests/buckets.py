"""A real S3 server that pip brings, and Azure's own emulator that npm brings; skipped where they are not installed."""

import hashlib
import hmac
import shutil
import subprocess
from base64 import b64decode, b64encode
from email.utils import formatdate
from importlib.util import find_spec
from itertools import count

import httpx
import pytest

from benchmarks.objects import S3Server, free_port, wait_until_it_answers

__all__ = ["AzureServer", "S3Server", "free_port", "open_azure_server", "open_s3_server"]

_numbers = count()


def open_s3_server() -> S3Server:
    if find_spec("moto") is None or find_spec("flask") is None:
        pytest.skip("requirements/distributed.txt brings an S3 server")
    return S3Server()


class AzureServer:
    """`azurite-blob` in a process of its own, its blobs in memory."""

    #: The one account that it has, and its key, as Azure's documentation gives them.
    ACCOUNT = "devstoreaccount1"
    KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

    def __init__(self, program: str) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/{self.ACCOUNT}"
        place = ["--blobHost", "127.0.0.1", "--blobPort", str(port)]
        # A client newer than the emulator is no matter here.
        manners = ["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent"]
        self._process = subprocess.Popen(
            [program, *place, *manners], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until_it_answers(self.url, self._process)
        #: What an Azure client reads of its environment.
        self.environment = {
            "AZURE_STORAGE_ACCOUNT_NAME": self.ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": self.KEY,
            "AZURE_STORAGE_ENDPOINT": self.url,
        }

    def container(self) -> str:
        """The name of a new, empty container."""
        name = f"music-{next(_numbers)}"
        headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-12-02"}
        # Azure's "Authorize with Shared Key": the verb, eleven headers that are not sent, ours, the resource (with the
        # account twice, for the emulator has it in its path), the query.
        lines = ["PUT", *[""] * 11, *(f"{header}:{value}" for header, value in headers.items())]
        text = "\n".join([*lines, f"/{self.ACCOUNT}/{self.ACCOUNT}/{name}", "restype:container"])
        signed = b64encode(hmac.digest(b64decode(self.KEY), text.encode(), hashlib.sha256)).decode()
        headers["Authorization"] = f"SharedKey {self.ACCOUNT}:{signed}"
        httpx.put(f"{self.url}/{name}?restype=container", headers=headers).raise_for_status()
        return name

    def end(self) -> None:
        """Stop it; its blobs are gone."""
        self._process.kill()
        self._process.wait()


def open_azure_server() -> AzureServer:
    if (program := shutil.which("azurite-blob")) is None:
        pytest.skip("`npm install --global azurite` brings Azure's emulator")
    return AzureServer(program)
