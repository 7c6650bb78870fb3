"""Orders go in, answers come out: the process in which a model lives that fits into no environment of ours."""

import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

from app.errors import GenerationFailed, printable
from app.services.engines.magenta.child import Message, read_message, write_message

#: Seconds that the process may take to leave.
LEAVES_WITHIN_S = 5.0


class Refused(GenerationFailed):
    """The other side could not do what was ordered; it lives on."""


class OtherSide:
    """A running program that speaks the messages of `child.py`. One thread uses it."""

    def __init__(self, name: str, python: Path, program: Path) -> None:
        """`GenerationFailed` where it cannot be started. `name` stands in errors."""
        self._name = name
        try:
            # -I: neither its user's settings nor the folder that the program lies in are on its path.
            self._process = subprocess.Popen(  # noqa: S603 - our own program, in an environment that we made
                [str(python), "-I", str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        except OSError as error:
            raise GenerationFailed(f"{name} could not be started: {printable(str(error), 200)}") from error

    @property
    def runs(self) -> bool:
        """Whether it is there."""
        return self._process.poll() is None

    def order(self, do: str, **words: Any) -> Message:
        """Its answer. `Refused` with its reason; `GenerationFailed` where it is gone."""
        assert self._process.stdin is not None and self._process.stdout is not None  # noqa: S101, PT018 - both piped
        answer = None
        with suppress(OSError):
            write_message(self._process.stdin, {"do": do, **words})  # type: ignore[arg-type]
            answer = read_message(self._process.stdout)  # type: ignore[arg-type]
        if answer is None:
            code = self.close()
            ended = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
            memory = "; its memory may have run out" if code == -9 else ""
            raise GenerationFailed(f"The process of {self._name} {ended}{memory}")
        if answer[0]["said"] == "failed":
            raise Refused(printable(str(answer[0]["why"]), 300))
        return answer

    def close(self) -> int:
        """End it, and wait until it is gone; its exit code, negative for a signal."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        try:
            return self._process.wait(LEAVES_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
