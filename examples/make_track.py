"""Ask a running service for a track and save it: python examples/make_track.py "slow waltz" 30."""

import argparse
import re
import sys
import time
from pathlib import Path

import httpx


def main() -> int:
    """Make the track that the arguments ask for; 0 if it was saved."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prompt", help="the music in your words")
    parser.add_argument("duration", nargs="?", type=int, default=30, help="seconds, 5 to 300")
    parser.add_argument("--url", default="http://localhost:8000", help="where the service runs")
    options = parser.parse_args()
    with httpx.Client(base_url=options.url, timeout=60) as client:
        asked = client.post("/music/generate", json={"prompt": options.prompt, "duration": options.duration})
        if asked.status_code != 200:
            print(f"{asked.status_code}: {asked.text}", file=sys.stderr)
            return 1
        status = follow(client, asked.json()["track_id"])
        if status["status"] == "failed":
            print(f"failed: {status['error']}", file=sys.stderr)
            return 1
        print(f"saved {save(client, str(status['download_url']))}")
    return 0


def follow(client: httpx.Client, track_id: str) -> dict[str, object]:
    """The status of a track once nothing more will happen to it; shows its progress until then."""
    while True:
        status: dict[str, object] = client.get(f"/music/status/{track_id}").json()
        print(f"\r{status['progress']:>3} %  {status['stage']:<12}", end="", file=sys.stderr, flush=True)
        if status["status"] != "processing":
            print(file=sys.stderr)
            return status
        time.sleep(0.5)


def save(client: httpx.Client, url: str) -> Path:
    """Download a file under the name that the service gives it."""
    with client.stream("GET", url) as answer:
        answer.raise_for_status()
        given = re.search(r'filename="([^"/\\]+)"', answer.headers["content-disposition"])
        path = Path(given[1] if given else url.rpartition("/")[2])
        with path.open("wb") as file:
            for piece in answer.iter_bytes():
                file.write(piece)
    return path


if __name__ == "__main__":
    sys.exit(main())
