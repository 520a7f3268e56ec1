"""The embedded MQTT and Kafka brokers on their own; both forget everything when they end."""

from __future__ import annotations

from pathlib import Path

from ioc.local_process import LOOPBACK, free_port
from ioc.local_servers import EmbeddedKafka, EmbeddedMqtt


class Mqtt(EmbeddedMqtt):
    """The embedded MQTT 5 broker.

    Args:
        folder: Its own folder; configuration and log.
        port: To listen on; a free one if not given.
    """

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder, port or free_port())


class Tansu(EmbeddedKafka):
    """The embedded Kafka broker.

    Args:
        folder: Its own folder; log.
        port: To listen on; a free one if not given.
    """

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder, port or free_port())

    @property
    def bootstrap(self) -> str:
        """``host:port`` for clients."""
        return f"{LOOPBACK}:{self.port}"
