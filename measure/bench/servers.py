"""The servers that a benchmark runs on: embedded ones of its own, or those of the settings."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ioc import kafka
from ioc.errors import ConfigError
from ioc.local import LocalStack
from ioc.settings import Settings, load_settings
from measure import services
from measure.bench import mosquitto
from store.migrate import migrate


@dataclass(frozen=True)
class Bench:
    """Servers that are ready: topics made, schema applied.

    Attributes:
        settings: Where they are.
        env: The same as ``IOC_*`` variables, for processes.
        folder: For logs and spools.
        broker: What the MQTT broker is, for people.
    """

    settings: Settings
    env: dict[str, str]
    folder: Path
    broker: str

    @contextmanager
    def core(self) -> Iterator[dict[str, int]]:
        """Bridge and worker; gives their process ids."""
        bridge = services.bridge(self.folder, self.env)
        worker = services.worker(self.folder, self.env)
        with ExitStack() as exit_stack:
            exit_stack.callback(bridge.stop)
            bridge.start()
            exit_stack.callback(worker.stop)
            worker.start()
            assert bridge.pid is not None
            assert worker.pid is not None
            yield {"bridge": bridge.pid, "worker": worker.pid}


class Broker(StrEnum):
    """Which MQTT broker a benchmark uses: Mosquitto if it is there, the embedded one, Mosquitto."""

    AUTO = "auto"
    EMBEDDED = "embedded"
    MOSQUITTO = "mosquitto"


@contextmanager
def prepared(external: bool, broker: Broker = Broker.EMBEDDED) -> Iterator[Bench]:
    """Servers for one benchmark.

    Args:
        external: Use the servers of the settings, which must be there and may be written to;
            otherwise start embedded ones, which end with the benchmark.
        broker: Which MQTT broker to start.
    """
    with ExitStack() as exit_stack:
        if external:
            folder = Path(
                exit_stack.enter_context(tempfile.TemporaryDirectory(prefix="ioc-bench-"))
            )
            settings, env = load_settings(), {}
        else:
            stack = exit_stack.enter_context(LocalStack())
            env = stack.settings_env()
            settings, folder = services.settings_of(env), stack.folder
        kafka.create_topics(kafka.await_broker(settings.kafka.bootstrap, 30), settings.kafka)
        migrate(settings.database)
        name = f"{settings.mqtt.host}:{settings.mqtt.port}" if external else "iotcore (embedded)"
        if broker is not Broker.EMBEDDED and not external:
            port = _mosquitto(folder, broker, exit_stack)
            if port is not None:
                settings, env = services.settings_of({**env, **port}), {**env, **port}
                name = "Mosquitto, deploy/mosquitto/conf.d/queues.conf"
        yield Bench(settings, env, folder, name)


def _mosquitto(folder: Path, broker: Broker, exit_stack: ExitStack) -> dict[str, str] | None:
    """Start Mosquitto; the variable that names its port, or None where it is not needed.

    Raises:
        ConfigError: It was asked for and is not installed.
    """
    if mosquitto.find() is None:
        if broker is Broker.AUTO:
            return None
        raise ConfigError("--broker mosquitto: it is not installed: apt-get install mosquitto")
    server = mosquitto.Mosquitto(folder / "mosquitto")
    exit_stack.callback(server.stop)
    server.start()
    return {"IOC_MQTT__PORT": str(server.port)}
