"""How a long-running service starts and ends: logs, metrics, signals."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Protocol

from prometheus_client import REGISTRY
from prometheus_client.registry import Collector

from ioc.errors import ConfigError
from ioc.settings import TelemetrySettings, load_settings
from ioc.telemetry import Log, configure_logs, serve_metrics


class Service(Protocol):
    """Something that runs until it is told to stop."""

    @property
    def counters(self) -> Collector:
        """What it counts, for ``/metrics``."""

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set, then finish what is under way."""


def begin(name: str, telemetry: TelemetrySettings) -> Log:
    """Set up logs and metrics of this process.

    Raises:
        ConfigError: The metrics port is taken.
    """
    log = configure_logs(telemetry, name)
    try:
        port = serve_metrics(telemetry)
    except OSError as error:
        raise ConfigError(
            f"telemetry.metrics_port {telemetry.metrics_port}: {error.strerror}; "
            "choose another port, or 0 for any free one"
        ) from None
    log.info("started", metrics=f"http://{telemetry.metrics_host}:{port}/metrics" if port else None)
    return log


def run_until_signal(name: str, build: Callable[[], Service]) -> None:
    """Run a service until SIGTERM or SIGINT; a second signal ends it at once."""
    settings = load_settings()
    log = begin(name, settings.telemetry)
    stop = threading.Event()

    def on_signal(number: int, _frame: object) -> None:
        log.info("stopping", signal=signal.Signals(number).name)
        stop.set()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    service = build()
    REGISTRY.register(service.counters)
    service.run(stop)
