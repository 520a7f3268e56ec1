"""The services as processes of their own, for the demo, the benchmarks and the fault tests.

They are the very commands that production runs: ``ioc ingest run``, ``ioc streams run``,
``ioc watch run`` and ``ioc edge run``.
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import datetime
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


def watcher(
    folder: Path, env: Mapping[str, str], parts: Sequence[ServerProcess], name: str = "watcher"
) -> ServerProcess:
    """The watcher of the core, ready when it has looked once; 0.6 % of a core.

    Args:
        folder: Where its log goes, and the disk that it watches.
        env: The ``IOC_*`` variables of the servers.
        parts: Services with metrics, running or not.
        name: For messages, and of its log.
    """
    pages = {part.name: f"http://{LOOPBACK}:{part.port}/metrics" for part in parts}
    return _service(
        folder,
        env,
        name,
        ["watch", "run"],
        "ioc_watch_looks_total",
        {
            "IOC_WATCH__PARTS": json.dumps(pages),
            "IOC_WATCH__FOLDERS": json.dumps({"data": str(folder)}),
            "IOC_WATCH__INTERVAL_S": "5",
        },
    )


def node(
    folder: Path,
    env: Mapping[str, str],
    name: str,
    site_file: Path,
    *,
    camera: str,
    start: datetime,
    events: Path,
    signals: Path | None,
    model: str,
    receipts_s: float,
    stop_timeout_s: float,
) -> ServerProcess:
    """A camera node on a clip, ready when its model is warm and it has its broker.

    Args:
        folder: Where its log goes.
        env: The ``IOC_*`` variables of the broker, the spool and the evidence.
        name: For messages, and of its log.
        site_file: The camera and its clip.
        camera: Which camera.
        start: When the clip's first frame is taken.
        events: File that everything it says is written to, too.
        signals: The controller's events; None where there are no signals.
        model: Its detector.
        receipts_s: Longest wait for receipts in the end.
        stop_timeout_s: Longest wait for its end in all.
    """
    command = ["edge", "run", str(site_file), "--camera", camera, "--real-time", "--json"]
    command += ["--start", start.isoformat(), "--out", str(events), "--model", model]
    command += ["--receipts-s", f"{receipts_s:g}"]
    if signals is not None:
        command += ["--signals", str(signals)]
    service = _service(folder, env, name, command, "ioc_edge_connected", {})
    service.stop_timeout_s = stop_timeout_s
    return service


def console(folder: Path, env: Mapping[str, str], name: str = "console") -> ServerProcess:
    """The review console on a free port, ready when it has the database.

    Args:
        folder: Where its files and its log go.
        env: The ``IOC_*`` variables of the database, and more of ``[console]``.
        name: For messages, and of its log.
    """
    port = free_port()
    service = _service(
        folder,
        env,
        name,
        ["console", "run"],
        "",
        {
            "IOC_CONSOLE__PORT": str(port),
            "IOC_CONSOLE__PUBLIC_URL": f"http://{LOOPBACK}:{port}",
            "IOC_CONSOLE__EVIDENCE_URL": str(folder / f"{name}-evidence"),
            "IOC_CONSOLE__WORK_DIR": str(folder / f"{name}-work"),
            "IOC_CONSOLE__KEYS_DIR": str(folder / f"{name}-keys"),
        },
    )
    service.port, service.ready = port, lambda: _answers(f"http://{LOOPBACK}:{port}/health")
    return service


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


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
