"""The yardstick: one FastAPI route with the status answer's model, nothing behind it, and the service's own server.

`python -m benchmarks.bare` takes the place of `python -m app.cli`: only the application differs.
"""

import sys
from datetime import datetime, timezone
from unittest.mock import patch

from fastapi import FastAPI

from app import cli
from app.models.api import StatusAnswer

#: What the route answers, over and over.
ANSWER = StatusAnswer(
    track_id="track_a1b2c3d4e5f60718",
    status="completed",
    progress=100,
    prompt="relaxing piano melody for meditation",
    duration=30,
    created_at=datetime(2026, 8, 27, 10, 30, tzinfo=timezone.utc),
    estimated_completion=datetime(2026, 8, 27, 10, 31, tzinfo=timezone.utc),
    download_url="http://localhost:8000/downloads/track_a1b2c3d4e5f60718.mp3",
    stage="completed",
    error=None,
)

app = FastAPI()


@app.get("/music/status/{track_id}")
async def status(track_id: str) -> StatusAnswer:  # noqa: ARG001  # parsed, as the service does
    """The same answer for every track."""
    return ANSWER


if __name__ == "__main__":
    with patch("app.main.create_app", lambda *_: app):
        sys.exit(cli.main(sys.argv[1:]))
