"""One server process that belongs to this program: started, watched, killed, never left behind.

Every server is a child that the kernel ends together with this program, also after ``kill -9``
(``PR_SET_PDEATHSIG``). That signal follows the *thread* which forked the child, not the process
(prctl(2)), so all children are forked by one thread that lives as long as the program; a server
restarted from a worker thread would otherwise die with that thread. Each server has a session
of its own: Ctrl-C reaches the program, which then stops its servers in the right order.
"""

from __future__ import annotations

import ctypes
import os
import queue
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

LOOPBACK: Final = "127.0.0.1"
PORTS: Final = range(15_000, 32_000)
"""Below Linux's ephemeral range (32768 and up), where an outgoing connection of any program may
take the port of a server while it restarts."""
_PR_SET_PDEATHSIG: Final = 1


class ServerError(RuntimeError):
    """A server did not come up; the message has the end of its log and where the log is."""


def free_port() -> int:
    """A TCP port on loopback that nothing listens on.

    Raises:
        ServerError: None of 200 random ports was free.
    """
    for _ in range(200):
        port = random.choice(PORTS)
        with socket.socket() as probe:
            # As servers do: a port whose old connections are in TIME_WAIT counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise ServerError(f"no free port on {LOOPBACK} from {PORTS.start} to {PORTS.stop - 1}")


def accepts(port: int, host: str = LOOPBACK, timeout_s: float = 0.5) -> bool:
    """Whether something accepts TCP connections there."""
    try:
        with socket.create_connection((host, port), timeout=timeout_s):
            return True
    except OSError:
        return False


def _listens(pid: int, port: int) -> bool:
    """Whether this very process listens on the port."""
    import psutil

    try:
        sockets = psutil.Process(pid).net_connections(kind="tcp")
    except psutil.Error:
        return False
    return any(s.status == psutil.CONN_LISTEN and s.laddr.port == port for s in sockets)


class _Forker:
    """The one thread that forks children; see the module's text."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = 0
        self._jobs: queue.SimpleQueue[
            tuple[Callable[[], subprocess.Popen[bytes]], Future[subprocess.Popen[bytes]]]
        ] = queue.SimpleQueue()

    def fork(self, start: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._pid != os.getpid():  # first use, or we are a fork of the first user
                self._pid = os.getpid()
                self._jobs = queue.SimpleQueue()
                threading.Thread(
                    target=self._run, args=(self._jobs,), name="ioc-servers", daemon=True
                ).start()
        done: Future[subprocess.Popen[bytes]] = Future()
        self._jobs.put((start, done))
        return done.result()

    @staticmethod
    def _run(
        jobs: queue.SimpleQueue[
            tuple[Callable[[], subprocess.Popen[bytes]], Future[subprocess.Popen[bytes]]]
        ],
    ) -> None:
        while True:
            start, done = jobs.get()
            try:
                done.set_result(start())
            except BaseException as error:
                done.set_exception(error)


_forker = _Forker()
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def tie_to_parent(death_signal: int, parent: int) -> Callable[[], None]:
    """What a forked child calls before it becomes the server.

    It runs after the change of user, because changing user clears the setting.
    """

    def tie() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, death_signal)
            if os.getppid() != parent:  # the program died between fork and prctl
                os._exit(1)

    return tie


@dataclass
class ServerProcess:
    """A server on a port of loopback: a command line, a log file and a question "are you ready?".

    Attributes:
        name: For messages.
        command: Program and arguments.
        port: The port that it listens on.
        log: File that its output is appended to.
        ready: Whether the server does its work; asked until it is true.
        hint: What to do when it does not come up.
        env: Variables on top of this program's.
        user: Numeric user and group to run as; None for this program's.
        cwd: Working directory.
        stop_signal: Asks for a clean end.
        death_signal: Sent by the kernel when this program is gone.
        start_timeout_s: Longest wait for ``ready``, seconds.
        stop_timeout_s: After ``stop_signal`` it is killed at this age, seconds.
    """

    name: str
    command: Sequence[str]
    port: int
    log: Path
    ready: Callable[[], bool]
    hint: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    user: tuple[int, int] | None = None
    cwd: Path | None = None
    stop_signal: int = signal.SIGTERM
    death_signal: int = signal.SIGKILL
    start_timeout_s: float = 20.0
    stop_timeout_s: float = 15.0
    _process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The process, or None when it does not run."""
        return self._process.pid if self._process is not None and self.running else None

    def start(self) -> None:
        """Start the server and wait until it is ready; nothing happens when it runs already.

        Raises:
            ServerError: It ended, or was not ready in time; it is not left behind.
        """
        if self.running:
            return
        parent = os.getpid()
        env = {**os.environ, **self.env}
        uid, gid = self.user or (None, None)

        def spawn() -> subprocess.Popen[bytes]:
            with self.log.open("ab") as out:
                return subprocess.Popen(
                    list(self.command),
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    env=env,
                    cwd=self.cwd,
                    start_new_session=True,
                    user=uid,
                    group=gid,
                    extra_groups=None if gid is None else [],
                    preexec_fn=tie_to_parent(self.death_signal, parent),
                )

        try:
            self._process = _forker.fork(spawn)
        except OSError as error:
            raise ServerError(f"{self.name}: {self.command[0]}: {error.strerror}") from error
        self._await_ready()

    def _await_ready(self) -> None:
        began = time.monotonic()
        while True:
            assert self._process is not None
            code = self._process.poll()
            if code is not None:
                raise ServerError(self._failure(f"ended with code {code} before it was ready"))
            # First the question whose port it is: where another program holds it, that one would
            # answer for our child, which has yet to find the port taken and end.
            if _listens(self._process.pid, self.port) and self.ready():
                return
            if time.monotonic() - began > self.start_timeout_s:
                self.kill()
                raise ServerError(self._failure(f"was not ready in {self.start_timeout_s:g} s"))
            time.sleep(0.02)

    def _failure(self, what: str) -> str:
        lines = [f"{self.name} on {LOOPBACK}:{self.port} {what}"]
        if self.hint:
            lines.append(self.hint)
        lines += [f"the end of its log {self.log}:", *self.log_tail(12)]
        return "\n".join(lines)

    def stop(self) -> None:
        """End the server cleanly; kill it when it does not end in time."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(self.stop_signal)
        try:
            process.wait(self.stop_timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the server at once, as a power cut would."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.kill()
        process.wait()

    def restart(self) -> None:
        """Stop and start on the same port with the same data."""
        self.stop()
        self.start()

    def log_tail(self, lines: int = 20) -> list[str]:
        """The last lines of the server's log; reads at most 64 KiB."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, self.log.stat().st_size - 65_536))
                return log.read().decode("utf-8", "replace").splitlines()[-lines:]
        except OSError:
            return []
