"""A worker whose clock is wrong by MUSIC_TEST_CLOCK seconds."""

import os
import sys
from datetime import timedelta

from app import wiring
from app.cli import main
from app.utils.clock import SystemClock


class WrongClock(SystemClock):
    """The system's, put forward or back."""

    def now(self):
        return super().now() + timedelta(seconds=float(os.environ["MUSIC_TEST_CLOCK"]))


if __name__ == "__main__":
    wiring.SystemClock = WrongClock
    sys.exit(main())
