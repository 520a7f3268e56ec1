"""Mosquitto, stock or tuned as in production, for the benchmarks and the tests."""

from __future__ import annotations

import getpass
import shutil
from pathlib import Path

from ioc.local_process import LOOPBACK, ServerError, ServerProcess, accepts, free_port

TUNED = Path(__file__).resolve().parents[2] / "deploy" / "mosquitto" / "conf.d" / "queues.conf"


def find() -> str | None:
    """The program, if this machine has it."""
    return shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")


class Mosquitto(ServerProcess):
    """A Mosquitto broker on loopback.

    Args:
        folder: Its own folder; configuration, data and log.
        tuned: With the queues of production; without, everything is Mosquitto's default: no
            persistence, 1000 queued messages, 20 in flight.
        port: To listen on; a free one if not given.
        extra: More lines of configuration.
    """

    def __init__(
        self, folder: Path, *, tuned: bool = True, port: int | None = None, extra: str = ""
    ) -> None:
        binary = find()
        if binary is None:
            raise ServerError("Mosquitto is not installed: apt-get install mosquitto (or .ci/run)")
        port = port or free_port()
        folder.mkdir(parents=True, exist_ok=True)
        lines = [
            f"listener {port} {LOOPBACK}",
            "allow_anonymous true",
            # Started by root it would become "mosquitto", who may not write into our folder.
            f"user {getpass.getuser()}",
            "log_type error",
            "log_type warning",
            "log_type notice",
        ]
        if tuned:
            lines += [TUNED.read_text(), f"persistence_location {folder}/"]
        config = folder / "mosquitto.conf"
        config.write_text("\n".join([*lines, extra]) + "\n")
        super().__init__(
            name="Mosquitto",
            command=[binary, "-c", str(config)],
            port=port,
            log=folder / "mosquitto.log",
            ready=lambda: accepts(port),
        )
