"""Apache Kafka as its image starts it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from ioc.local_process import LOOPBACK, ServerError, ServerProcess, accepts, free_port
from tests.deploy.compose_file import mounts
from tests.servers.kafka import install


class ProductionKafka(ServerProcess):
    """The broker of compose.yaml.

    ``kafka.docker.KafkaDockerWrapper`` is what the image runs first: it puts the mounted file and
    the variables together and formats the folder. Addresses and folder are ours, in its own way.

    Args:
        folder: Configuration, data and log.
        service: ``kafka`` of compose.yaml.
    """

    def __init__(self, folder: Path, service: dict[str, Any]) -> None:
        port, controller = free_port(), free_port()
        folder.mkdir()
        mounted, final, default = folder / "mounted", folder / "config", folder / "default"
        for made in (mounted, final, default):
            made.mkdir()
        for mount in mounts(service):
            if mount.target == "/mnt/shared/config/server.properties":
                shutil.copy(mount.source, mounted / "server.properties")
        self.environment = dict(service["environment"])
        for key, before, after in (
            ("KAFKA_CONTROLLER_QUORUM_VOTERS", "kafka:9093", f"{LOOPBACK}:{controller}"),
            ("KAFKA_LISTENERS", "://:9092", f"://{LOOPBACK}:{port}"),
            ("KAFKA_LISTENERS", "://:9093", f"://{LOOPBACK}:{controller}"),
            ("KAFKA_ADVERTISED_LISTENERS", "kafka:9092", f"{LOOPBACK}:{port}"),
            ("KAFKA_LOG_DIRS", "/var/lib/kafka/data", str(folder / "data")),
        ):
            assert before in self.environment[key], key
            self.environment[key] = self.environment[key].replace(before, after)
        self.config = final / "server.properties"
        java = shutil.which("java")
        if java is None:
            raise ServerError("Kafka: no Java: apt-get install openjdk-17-jre-headless")
        self._java = [java, "-cp", f"{install()}/*"]
        self._prepare = [
            "setup",
            *("--default-configs-dir", str(default), "--mounted-configs-dir", str(mounted)),
            *("--final-configs-dir", str(final)),
        ]
        super().__init__(
            name="Apache Kafka",
            command=[
                *(*self._java, "-Xms256m", "-Xmx512m", "-XX:TieredStopAtLevel=1"),
                *("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "kafka.Kafka", str(self.config)),
            ],
            port=port,
            log=folder / "kafka.log",
            ready=lambda: accepts(port),
            start_timeout_s=90,
            stop_timeout_s=30,
        )

    def prepare(self) -> str:
        """What the image does before the server starts, at every start of the container."""
        done = subprocess.run(
            [*self._java, "-Xmx128m", "kafka.docker.KafkaDockerWrapper", *self._prepare],
            env={"PATH": os.environ["PATH"], **self.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return done.stdout + done.stderr

    @property
    def bootstrap(self) -> str:
        return f"{LOOPBACK}:{self.port}"
