"""Object stores on this machine: an S3 server that pip brings, the same for Google's client, and Azure's own emulator.

Azure's comes from npm, and is installed into the environment of the tests by whoever needs it first.
"""

import hashlib
import hmac
import json
import shutil
import subprocess
import sys
import tempfile
from base64 import b64decode, b64encode
from email.utils import formatdate
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import httpx
import pytest

from benchmarks.objects import S3Server, free_port, wait_until_it_answers

__all__ = [
    "AzureServer",
    "GoogleServer",
    "S3Server",
    "free_port",
    "open_azure_server",
    "open_google_server",
    "open_s3_server",
]

AZURITE = "azurite@3"

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
    return AzureServer(shutil.which("azurite-blob") or _installed_azurite())


def _installed_azurite() -> str:
    home = Path(sys.prefix, "azurite")
    program = home / "node_modules" / ".bin" / "azurite-blob"
    if not program.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm brings Azure's emulator, and there is no npm here")
        with tempfile.TemporaryDirectory(dir=sys.prefix) as folder:
            command = [npm, "install", "--no-audit", "--no-fund", "--prefix", folder, AZURITE]
            done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
            if done.returncode:
                pytest.skip(f"npm cannot install Azure's emulator here: {done.stderr[-300:]}")
            try:
                Path(folder).rename(home)
            except OSError:  # another was faster
                assert program.exists()
            Path(folder).mkdir(exist_ok=True)
    return str(program)


class GoogleServer:
    """The S3 server once more, for Google's client: the XML interface of Cloud Storage is S3's, but for the keys.

    It shows that our addresses, parts, listings and errors are right; it knows nothing of Google's rights.
    """

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        code = (
            "from moto.moto_server.werkzeug_app import create_backend_app\n"
            "from werkzeug.serving import run_simple\n"
            f"run_simple('127.0.0.1', {port}, create_backend_app('s3'), threaded=True)"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until_it_answers(self.url, self._process)
        account = {
            "gcs_base_url": self.url, "disable_oauth": True, "client_email": "", "private_key": "",
            "private_key_id": "",
        }  # fmt: skip
        path = folder / "account.json"
        path.write_text(json.dumps(account), encoding="utf-8")
        #: What Google's client reads of its environment.
        self.environment = {"GOOGLE_SERVICE_ACCOUNT": str(path)}

    def bucket(self) -> str:
        """The name of a new, empty bucket, which anybody may read: the client signs nothing."""
        name = f"music{next(_numbers)}"  # no sign that may be written as %2D: the server takes it as it comes
        httpx.put(f"{self.url}/{name}").raise_for_status()
        everybody = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{name}/*"}
        policy = {"Version": "2012-10-17", "Statement": [everybody]}
        httpx.put(f"{self.url}/{name}?policy", json=policy).raise_for_status()
        return name

    def end(self) -> None:
        """Stop it; its objects are gone."""
        self._process.kill()
        self._process.wait()


def open_google_server(folder: Path) -> GoogleServer:
    if find_spec("moto") is None or find_spec("flask") is None:
        pytest.skip("requirements/distributed.txt brings a server for it")
    return GoogleServer(folder)
