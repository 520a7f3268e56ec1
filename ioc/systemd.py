"""Talks to the service manager: ready, alive, reloading, stopping (sd_notify(3)).

Without systemd (no ``NOTIFY_SOCKET`` in the environment) every call does nothing, so a service
says the same wherever it runs.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import Final

SOCKET: Final = "NOTIFY_SOCKET"
WATCHDOG: Final = "WATCHDOG_USEC"
WATCHDOG_PID: Final = "WATCHDOG_PID"


class Notifier:
    """Sends this process's state to the service manager. Never raises: a lost word is no fault."""

    def __init__(
        self,
        environ: Mapping[str, str] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the environment.

        Args:
            environ: The environment; the process's own when left out.
            monotonic: Clock of the watchdog, seconds.
        """
        given = os.environ if environ is None else environ
        address = given.get(SOCKET, "")
        # A leading "@" is how systemd writes an abstract socket, which begins with a zero byte.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._monotonic = monotonic
        self._beat_at = 0.0
        self.watchdog_s = _watchdog_s(given)

    def ready(self, status: str) -> None:
        """The service does its work now."""
        self._send(f"READY=1\nSTATUS={_line(status)}\nMAINPID={os.getpid()}")

    def status(self, text: str) -> None:
        """One line for ``systemctl status``."""
        self._send(f"STATUS={_line(text)}")

    def alive(self) -> None:
        """A beat of the watchdog; only one in a third of its period is sent. Call it freely."""
        if self.watchdog_s is None:
            return
        now = self._monotonic()
        if now - self._beat_at >= self.watchdog_s / 3:
            self._beat_at = now
            self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """The configuration is being read again; ``ready`` ends this."""
        # systemd compares this stamp with its own clock (Type=notify-reload).
        microseconds = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send(f"RELOADING=1\nMONOTONIC_USEC={microseconds}")

    def stopping(self) -> None:
        """The service is going down by itself."""
        self._send("STOPPING=1")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as client:
                client.settimeout(1)
                client.sendto(text.encode(), self._address)
        except OSError:
            return


def _line(text: str) -> str:
    return " ".join(text.split())


def _watchdog_s(environ: Mapping[str, str]) -> float | None:
    """Period of the watchdog in seconds, None without one or when it is another process's."""
    try:
        period = int(environ.get(WATCHDOG, "0")) / 1e6
        owner = int(environ.get(WATCHDOG_PID, os.getpid()))
    except ValueError:
        return None
    return period if period > 0 and owner == os.getpid() else None
