"""A child process whose standard output is a stream, read as if it were a connection.

The child holds the other end of our pipes: it ends when we close them, and when we are gone.
"""

from __future__ import annotations

import os
import select
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ioc.telemetry import logger

WRONG_USE: Final = 2
"""Exit code of ``ioc`` for a wrong address or a missing extra: trying again does not mend it."""
LOOK_S: Final = 0.1
"""As often as FFmpeg asks for its other inputs, a wait for data looks whether it is to end."""
PARTING_S: Final = 0.3
"""A child that is told to end gets so long before it is killed."""
WARNING: Final = "warning: "
"""A line of its standard error that begins so goes to the log as a warning, of the others the last
one does when it ends; a child that cannot start would else fill the log every two seconds."""
MOST_CHARACTERS: Final = 400


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended by itself.

    Attributes:
        code: Its exit code; negative: the signal that ended it.
        said: Its last line on standard error, may be empty.
    """

    code: int
    said: str

    @property
    def wrong_use(self) -> bool:
        """Whether another try would end in the same way."""
        return self.code == WRONG_USE

    def __str__(self) -> str:
        how = f"was ended by signal {-self.code}" if self.code < 0 else f"ended with {self.code}"
        if self.wrong_use:
            return self.said.removeprefix("ioc: ") or how
        return f"its process {how}{': ' if self.said else ''}{self.said}"


class Child:
    """One run of the child; to PyAV, a file that is being read.

    Attributes:
        pid: The process.
        limit_s: Longest wait for data, seconds; may be changed at any time.
        silent: Whether nothing came for so long, which ended the reading.
    """

    def __init__(
        self,
        command: Sequence[str],
        name: str,
        limit_s: float,
        leave: threading.Event,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start it.

        Args:
            command: Program and arguments.
            name: Without secrets, for the log.
            limit_s: Longest wait for data, seconds.
            leave: Ends every wait.
            monotonic: For the limit.

        Raises:
            OSError: The program cannot be started.
        """
        self.limit_s = limit_s
        self.silent = False
        self._leave = leave
        self._monotonic = monotonic
        self._log = logger("vision.source").bind(source=name)
        self._said = ""
        self._ended = False
        # No function between fork and exec: this process has the threads of FFmpeg and of the
        # model, whose locks a forked copy would find taken for ever.
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,  # Ctrl-C is for us; we end it then
        )
        self.pid = self._process.pid
        assert self._process.stdout is not None
        self._out = self._process.stdout.fileno()
        self._poll = select.poll()
        self._poll.register(self._out, select.POLLIN)
        self._listener = threading.Thread(target=self._listen, name=f"log {name}", daemon=True)
        self._listener.start()

    def read(self, most: int) -> bytes:
        """The next bytes, at least one; none when the child has ended, is ``silent`` or may leave.

        It raises nothing: PyAV drops what is raised while it probes, and prints it.

        Args:
            most: So many at most.
        """
        until = self._monotonic() + self.limit_s
        while not self._poll.poll(LOOK_S * 1000):
            self.silent = self._monotonic() >= until
            if self.silent or self._leave.is_set():
                return b""
        data = os.read(self._out, most)
        self._ended = not data
        return data

    def close(self) -> Ending | None:
        """End it if it runs, and let go of it.

        Returns:
            How it ended, None when it ran until now.
        """
        process = self._process
        assert process.stdin and process.stdout and process.stderr
        code = process.poll()
        if code is None and self._ended:  # its output is at the end: it is about to go itself
            code = _wait(process, PARTING_S)
        if code is None:
            process.stdin.close()
            process.terminate()
            if _wait(process, PARTING_S) is None:
                process.kill()
                process.wait()
        self._listener.join(PARTING_S)
        for pipe in (process.stdin, process.stdout):
            pipe.close()
        return None if code is None else Ending(code, self._said)

    def _listen(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            # A line without an end must not fill the memory.
            while line := lines.readline(MOST_CHARACTERS):
                text = line.decode("utf-8", "replace").strip()
                if not text:
                    continue
                self._said = text
                if text.startswith(WARNING):
                    self._log.warning("simulator", text=text.removeprefix(WARNING))
                else:
                    self._log.debug("simulator", text=text)


def _wait(process: subprocess.Popen[bytes], limit_s: float) -> int | None:
    try:
        return process.wait(limit_s)
    except subprocess.TimeoutExpired:
        return None
