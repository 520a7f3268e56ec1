"""Apache Kafka, one broker that is its own controller, from the jars of Maven Central."""

from __future__ import annotations

import base64
import shutil
import subprocess
import uuid
from pathlib import Path

from ioc.local_process import LOOPBACK, ServerError, ServerProcess, accepts, free_port
from tests.servers import ROOT
from tests.servers.maven import install_jars

POM = Path(__file__).parent / "kafka" / "pom.xml"
PRODUCTION = ROOT / "deploy" / "kafka" / "broker.properties"
_ONE_BROKER = {
    "default.replication.factor": 1,
    "min.insync.replicas": 1,
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 8,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 4,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    # After a kill the controller waits until the old broker's session is over; stock is 9 s.
    "broker.session.timeout.ms": 2000,
    "broker.heartbeat.interval.ms": 500,
    # A test has one consumer: it need not wait 3 s for others to join.
    "group.initial.rebalance.delay.ms": 0,
}


def install() -> Path:
    """The folder of Kafka's jars; downloaded with Maven the first time, 43 MB, about a minute.

    Raises:
        ServerError: Maven is missing or failed.
    """
    return install_jars("Kafka", POM, "kafka_*.jar")


class Kafka(ServerProcess):
    """A Kafka broker on loopback that keeps its data over stop and kill.

    Args:
        folder: Its own folder; configuration, data and log.
        port: To listen on; a free one if not given.
        partitions: Of topics that are created without a number.
    """

    def __init__(self, folder: Path, *, port: int | None = None, partitions: int = 4) -> None:
        java = shutil.which("java")
        if java is None:
            raise ServerError(
                "Kafka: Java is not installed: apt-get install openjdk-17-jre-headless"
            )
        port = port or free_port()
        controller = free_port()
        while controller == port:
            controller = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self._data = folder / "data"
        self._config = folder / "server.properties"
        settings = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{LOOPBACK}:{controller}",
            "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller}",
            "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": self._data,
            "num.partitions": partitions,
            **_ONE_BROKER,
        }
        # A later line of a properties file wins over an earlier one.
        ours = "\n".join(f"{key}={value}" for key, value in settings.items())
        self._config.write_text(f"{PRODUCTION.read_text()}\n{ours}\n")
        self._java = [java, "-cp", f"{install()}/*"]
        super().__init__(
            name="Apache Kafka",
            command=[
                *self._java,
                # Two cores, a short life: the quick compiler and the small collector; 330 MB.
                *("-Xms256m", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"),
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                *("kafka.Kafka", str(self._config)),
            ],
            port=port,
            log=folder / "kafka.log",
            ready=self._answers,
            start_timeout_s=90,
            stop_timeout_s=30,
        )

    @property
    def bootstrap(self) -> str:
        """``host:port`` for clients."""
        return f"{LOOPBACK}:{self.port}"

    def start(self) -> None:
        """Format the data folder if it is new, and start."""
        if not self._data.exists():
            cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            made = subprocess.run(
                [
                    *(*self._java, "-Xmx128m", "-XX:TieredStopAtLevel=1"),
                    # With "=", since one identity in 64 begins with "-", like an option.
                    *("kafka.tools.StorageTool", "format", f"--cluster-id={cluster}"),
                    f"--config={self._config}",
                ],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
            if made.returncode != 0:
                raise ServerError(f"Kafka: format failed:\n{made.stdout}{made.stderr}")
        super().start()

    def _answers(self) -> bool:
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        if not accepts(self.port):
            return False
        try:
            admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
            return bool(admin.list_topics(timeout=5).brokers)
        except KafkaException:
            return False
