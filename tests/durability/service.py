"""The service without HTTP, for tests to kill: python -m tests.durability.service FOLDER TRACK_ID.

It takes up what it finds in the folder and says one JSON line for each thing that becomes known of the track.
"""

import json
import sys
import time
from pathlib import Path

from app.config import Settings
from app.wiring import open_backend


def main() -> None:
    folder, track_id = sys.argv[1:]
    backend = open_backend(Settings(data_dir=Path(folder), workers=1))
    said = None
    while True:
        track = backend.queue.get(track_id)
        assert track is not None, "the track is lost"
        shown = {"status": track.status, "stage": track.stage, "progress": track.progress}
        if shown != said:
            sys.stdout.write(json.dumps(shown) + "\n")
            sys.stdout.flush()
            said = shown
        time.sleep(0.002)


if __name__ == "__main__":
    main()
