"""A service of compose.yaml as a process of this machine: its command, variables and mounts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ioc.local_process import LOOPBACK, ServerProcess, accepts, free_port
from tests.deploy.compose_file import COMPOSE, mounts, secrets
from tests.servers import ROOT

IOC = str(Path(sys.executable).with_name("ioc"))


class Here:
    """Where things of the containers are on this machine.

    Args:
        document: compose.yaml, filled in.
        folder: For settings and logs.
        addresses: ``host:port`` inside → ``host:port`` here.
    """

    def __init__(
        self, document: Mapping[str, Any], folder: Path, addresses: dict[str, str]
    ) -> None:
        self._document = document
        self._folder = folder
        self._addresses = addresses
        folder.mkdir()

    def environment(self, name: str, **more: str) -> dict[str, str]:
        """The variables of a service, its settings file among them."""
        service = self._document["services"][name]
        settings = self._folder / f"{name}.toml"
        text = self._moved(service, (COMPOSE.parent / "ioc.toml").read_text())
        # The broker stands there as two keys.
        host, port = self._addresses["mosquitto:8884"].split(":")
        text = text.replace('host = "mosquitto"\nport = 8884', f'host = "{host}"\nport = {port}')
        settings.write_text(text)
        given = {key: self._moved(service, value) for key, value in service["environment"].items()}
        # No test answers to the world, and two services here cannot have one port.
        ours = {
            "IOC_TELEMETRY__METRICS_HOST": LOOPBACK,
            "IOC_TELEMETRY__METRICS_PORT": str(free_port()),
        }
        plain = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
        return {**plain, **given, "IOC_CONFIG": str(settings), **ours, **more}

    def run(self, name: str) -> str:
        """Run a service that is done at once, and see it succeed; what it printed."""
        service = self._document["services"][name]
        command = service["command"]
        lines = command[2].splitlines() if command[0] == "sh" else [" ".join(command)]
        said = ""
        for line in lines:
            words = [self._moved(service, word) for word in line.split()]
            done = subprocess.run(
                [IOC, *words[1:]],
                env=self.environment(name),
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
            said += done.stdout + done.stderr
            assert done.returncode == 0, said
        return said

    def serve(self, name: str, port_key: str | None = None, **more: str) -> ServerProcess:
        """A service that stays, not started yet.

        Args:
            name: Of compose.yaml.
            port_key: Variable of the port that says it is up; left out, that of its metrics.
            more: Other variables.
        """
        environment = self.environment(name, **more)
        port = int(environment[port_key or "IOC_TELEMETRY__METRICS_PORT"])
        return ServerProcess(
            name=name,
            command=[IOC, *self._document["services"][name]["command"][1:]],
            port=port,
            log=self._folder / f"{name}.log",
            ready=lambda: accepts(port),
            env=environment,
            cwd=self._folder,
            start_timeout_s=60,
        )

    def healthy(self, name: str, process: ServerProcess) -> tuple[bool, str]:
        """The health check of a service, asked here; and what it said."""
        service = self._document["services"][name]
        _, script, url, *metric = service["healthcheck"]["test"][1:]
        host, port = url.split("/")[2].split(":")
        ca = {key: self._moved(service, value) for key, value in service["environment"].items()}
        done = subprocess.run(
            [
                *(sys.executable, str(ROOT / "deploy/compose" / Path(script).name)),
                *(url.replace(f"{host}:{port}", f"{host}:{process.port}"), *metric),
            ],
            env={key: value for key, value in ca.items() if key == "HEALTHY_CA"},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        return done.returncode == 0, done.stderr

    def _moved(self, service: Mapping[str, Any], text: str) -> str:
        for target, path in secrets(self._document, service).items():
            text = text.replace(target, str(path))
        for mount in sorted(mounts(service), key=lambda one: -len(one.target)):
            text = re.sub(rf'{re.escape(mount.target)}(?=[/"&]|$)', str(mount.source), text)
        for inside, here in self._addresses.items():
            text = text.replace(inside, here)
        return text
