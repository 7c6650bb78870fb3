"""A worker on whose machine nothing more can be written."""

import sys

from app import wiring
from app.cli import main


def fail(_workshop, _job, _work, _report):
    raise OSError(28, "No space left on device")


if __name__ == "__main__":
    import tests.distributed.full_worker as importable

    wiring.run_job = importable.fail
    sys.exit(main())
