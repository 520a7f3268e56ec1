"""The core's services as processes of their own, for the demo, the benchmarks and the fault tests.

They are the very commands that production runs: ``ioc ingest run`` and ``ioc streams run``.
"""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from ioc.local_process import LOOPBACK, ServerProcess, free_port
from ioc.settings import PREFIX, Settings, read_settings


class Metrics:
    """One reading of a service's ``/metrics``."""

    def __init__(self, text: str) -> None:
        self._samples: dict[str, list[tuple[dict[str, str], float]]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                self._samples.setdefault(sample.name, []).append((sample.labels, sample.value))

    def total(self, name: str, **labels: str) -> float:
        """Sum of the samples of a name whose labels agree; 0 when there is none."""
        return sum(
            value
            for have, value in self._samples.get(name, [])
            if all(have.get(key) == wanted for key, wanted in labels.items())
        )

    def by(self, name: str, label: str) -> dict[str, float]:
        """The samples of a name by one of their labels."""
        result: dict[str, float] = {}
        for have, value in self._samples.get(name, []):
            result[have.get(label, "")] = result.get(have.get(label, ""), 0.0) + value
        return result


def scrape(port: int, timeout_s: float = 2.0) -> Metrics | None:
    """What a service on this machine says of itself; None when it does not answer."""
    try:
        with urllib.request.urlopen(
            f"http://{LOOPBACK}:{port}/metrics", timeout=timeout_s
        ) as answer:
            return Metrics(answer.read().decode())
    except (urllib.error.URLError, OSError, ValueError):
        return None


def _is(port: int, name: str) -> bool:
    metrics = scrape(port)
    return metrics is not None and metrics.total(name) > 0


def bridge(folder: Path, env: Mapping[str, str], name: str = "bridge-0") -> ServerProcess:
    """The ingest bridge, ready when it is connected to MQTT.

    Args:
        folder: Where its log goes.
        env: The ``IOC_*`` variables of the servers.
        name: Its MQTT client id; two bridges need two names.
    """
    return _service(
        folder,
        env,
        name,
        ["ingest", "run"],
        "ioc_ingest_connected",
        {"IOC_INGEST__CLIENT_ID": name},
    )


def worker(folder: Path, env: Mapping[str, str], name: str = "worker-0") -> ServerProcess:
    """A streams worker, ready when it has partitions and the database."""
    return _service(folder, env, name, ["streams", "run"], "ioc_streams_ready", {})


def _service(
    folder: Path,
    env: Mapping[str, str],
    name: str,
    command: list[str],
    ready: str,
    more: Mapping[str, str],
) -> ServerProcess:
    port = free_port()
    return ServerProcess(
        name=name,
        command=[sys.executable, "-m", "ioc.cli", *command],
        port=port,
        log=folder / f"{name}.log",
        ready=lambda: _is(port, ready),
        env={
            **env,
            **more,
            "IOC_TELEMETRY__METRICS_PORT": str(port),
            "IOC_TELEMETRY__LOG_FORMAT": "json",
        },
        cwd=folder,
        start_timeout_s=90,
        stop_timeout_s=20,
    )


def settings_of(env: Mapping[str, str]) -> Settings:
    """The settings that a set of ``IOC_*`` variables gives, without touching this process's own."""
    groups: dict[str, dict[str, str]] = {}
    for name, value in env.items():
        group, _, key = name.removeprefix(PREFIX).lower().partition("__")
        groups.setdefault(group, {})[key] = value
    return read_settings(**groups)
