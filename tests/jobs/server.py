"""A server without HTTP, for tests to kill: python -m tests.jobs.server FOLDER [WORKERS [PROMPT…]]."""

import sys
import time
from pathlib import Path

from tests.jobs.conftest import Shop


def main():
    folder, workers, *prompts = sys.argv[1:]
    shop = Shop(Path(folder), workers=int(workers))
    shop.queue.start()
    for prompt in prompts:
        if prompt == "leave":
            return
        say(shop.submit(prompt).id)
    say("ready")
    time.sleep(600)


def say(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
