"""Hear a track while it is made: python examples/listen.py "slow waltz" 30 | ffplay - (or > early.mp3)."""

import argparse
import sys

import httpx


def main() -> int:
    """Ask for the track that the arguments name, and hand on its sound as it comes; 0 if all of it came."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prompt", help="the music in your words")
    parser.add_argument("duration", nargs="?", type=int, default=30, help="seconds, 5 to 300")
    parser.add_argument("--format", choices=("mp3", "wav"), default="mp3", help="what to hear it in")
    parser.add_argument("--url", default="http://localhost:8000", help="where the service runs")
    options = parser.parse_args()
    # Nothing comes before the first sound: a track may have to wait for its turn.
    with httpx.Client(base_url=options.url, timeout=httpx.Timeout(60, read=180)) as client:
        asked = client.post("/music/generate", json={"prompt": options.prompt, "duration": options.duration})
        if asked.status_code != 200:
            print(f"{asked.status_code}: {asked.text}", file=sys.stderr)
            return 1
        stream_url = httpx.URL(asked.json()["stream_url"]).copy_merge_params({"format": options.format})
        with client.stream("GET", stream_url) as sound:
            if sound.status_code != 200:
                print(f"{sound.status_code}: {sound.read().decode()}", file=sys.stderr)
                return 1
            for piece in sound.iter_raw():
                sys.stdout.buffer.write(piece)
                sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
