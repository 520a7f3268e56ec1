"""The three servers that the system needs, embedded: ``with LocalStack() as stack: …``.

For the demo, for tests and for development on one machine; production has its own servers and
nothing in the product depends on these. Facts about each server stand in ``local_servers``, how
they end with the program in ``local_process``.

A stack keeps everything in one folder: data, logs, ``stack.json`` (its addresses) and
``stack.lock`` (held while it runs, so that two programs cannot use one folder, and released by
the kernel when the program dies). Without a folder it makes a temporary one and removes it at
the end; folders that killed programs left are removed at the next start.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from ioc.errors import ConfigError
from ioc.local_process import LOOPBACK, ServerError, ServerProcess, accepts, free_port
from ioc.local_servers import PARTITIONS, EmbeddedKafka, EmbeddedMqtt, EmbeddedPostgres

STATE: Final = "stack.json"
LOCK: Final = "stack.lock"
_TEMPORARY: Final = "ioc-local-"
_Server = TypeVar("_Server", bound=ServerProcess)


class LocalStack:
    """MQTT, Kafka and PostgreSQL on free ports of loopback, ending with this program.

    Args:
        folder: Where everything is kept; None for a temporary folder.

    Attributes:
        folder: The folder in use; set by ``start``.
        mqtt: The MQTT broker; like the other two it can be killed and restarted on its own.
        kafka: The Kafka broker.
        database: PostgreSQL.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._given = folder
        self._lock: int | None = None
        self.folder = Path() if folder is None else folder.absolute()
        self._servers: list[ServerProcess] = []

    def start(self) -> Self:
        """Start the three servers, about two seconds in a new folder; they are ready on return.

        Raises:
            ConfigError: A wheel is missing, or the folder is in use or cannot be used.
            ServerError: A server did not come up; the message ends with its log.
        """
        if self._servers:
            return self
        try:
            self._open_folder()
            self.database = self._launch(lambda port: EmbeddedPostgres(self.folder, port))
            self.mqtt = self._launch(lambda port: EmbeddedMqtt(self.folder, port))
            self.kafka = self._launch(lambda port: EmbeddedKafka(self.folder, port))
            state = {"pid": os.getpid(), "addresses": self.addresses(), "env": self.settings_env()}
            (self.folder / STATE).write_text(json.dumps(state, indent=2) + "\n")
        except ServerError:
            self._end(keep=True)  # the message names a log in there
            raise
        except BaseException:
            self._end(keep=self._given is not None)
            raise
        return self

    def stop(self) -> None:
        """Stop the servers; a temporary folder is removed."""
        self._end(keep=self._given is not None)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def servers(self) -> tuple[ServerProcess, ...]:
        """The servers that were started, in that order."""
        return tuple(self._servers)

    def settings_env(self) -> dict[str, str]:
        """The variables that point every part of the system at this stack."""
        return {
            "IOC_MQTT__HOST": LOOPBACK,
            "IOC_MQTT__PORT": str(self.mqtt.port),
            "IOC_KAFKA__BOOTSTRAP": f"{LOOPBACK}:{self.kafka.port}",
            "IOC_KAFKA__PARTITIONS": str(PARTITIONS),
            "IOC_KAFKA__REPLICATION": "1",
            # Tansu looks for new records half-way through the wait, not when they come.
            "IOC_KAFKA__FETCH_WAIT_S": "0.05",
            "IOC_DATABASE__URL": self.database.url(),
            "IOC_STREAMS__REBALANCE_TIMEOUT_S": "6",
        }

    def addresses(self) -> dict[str, str]:
        """Where each server is, for people."""
        return {
            "MQTT": f"mqtt://{LOOPBACK}:{self.mqtt.port}",
            "Kafka": f"{LOOPBACK}:{self.kafka.port}",
            "database": self.database.url(),
            "folder": str(self.folder),
        }

    def _open_folder(self) -> None:
        if self._given is None:
            remove_abandoned()
            self.folder = Path(tempfile.mkdtemp(prefix=_TEMPORARY))
        else:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise ConfigError(f"{self.folder}: {error.strerror}; choose another") from None
        if os.geteuid() == 0:
            # PostgreSQL runs as another user and has to pass through; it cannot list the folder.
            self.folder.chmod(self.folder.stat().st_mode | 0o011)
        self._lock = _try_lock(self.folder)
        if self._lock is None:
            raise ConfigError(
                f"{self.folder}: a stack is running in this folder; end it with "
                f"'ioc local down --dir {self.folder}' or choose another folder"
            )

    def _launch(self, make: Callable[[int], _Server]) -> _Server:
        for attempt in range(3):
            server = make(free_port())
            self._servers.append(server)
            try:
                server.start()
            except ServerError:
                # Somebody took the port between our look and the server's.
                taken = "in use" in "\n".join(server.log_tail(20)).lower()
                if attempt == 2 or not taken:
                    raise
                self._servers.remove(server)
            else:
                return server
        raise AssertionError("unreachable")

    def _end(self, *, keep: bool) -> None:
        for server in reversed(self._servers):
            server.stop()
        self._servers = []
        if self._lock is None:
            return
        with suppress(OSError):
            (self.folder / STATE).unlink()
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)
        self._lock = None


def default_folder() -> Path:
    """The folder of ``ioc local up`` without ``--dir``: one for each user of the machine.

    Not in the home folder: root's is closed to the user that PostgreSQL runs as.
    """
    return Path(tempfile.gettempdir()) / f"haugiang-ioc-{os.getuid()}"


def stack_state(folder: Path) -> dict[str, Any] | None:
    """What a running stack wrote about itself: ``pid``, ``addresses``, ``env``; None if none runs.

    A server that does not answer on its port is named in ``silent``.
    """
    lock = _try_lock(folder) if folder.is_dir() else None
    if lock is not None:
        os.close(lock)
        return None
    try:
        state: dict[str, Any] = json.loads((folder / STATE).read_text())
    except (OSError, ValueError):
        return None
    ports = {
        "MQTT": int(state["env"]["IOC_MQTT__PORT"]),
        "Kafka": int(state["env"]["IOC_KAFKA__BOOTSTRAP"].rpartition(":")[2]),
        "database": int(state["env"]["IOC_DATABASE__URL"].rpartition(":")[2].partition("/")[0]),
    }
    state["silent"] = [name for name, port in ports.items() if not accepts(port)]
    return state


def remove_abandoned() -> list[Path]:
    """Remove the temporary folders of stacks whose program was killed; returns those removed."""
    removed = []
    for folder in Path(tempfile.gettempdir()).glob(_TEMPORARY + "*"):
        with suppress(OSError):
            # A new folder has no lock file for a moment: leave the young ones alone.
            if folder.stat().st_uid != os.getuid() or time.time() - folder.stat().st_mtime < 60:
                continue
            lock = _try_lock(folder)
            if lock is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)
                removed.append(folder)
    return removed


def _try_lock(folder: Path) -> int | None:
    """An open file descriptor that holds the folder's lock, or None when another has it."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"{folder / LOCK}: {error.strerror}; choose another folder") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
