"""Logs and metrics of every long-running service.

Logs are one JSON object a line on standard error, or coloured text on a terminal. Metrics are
Prometheus text on ``http://HOST:PORT/metrics``.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from prometheus_client import start_http_server

from ioc.settings import TelemetrySettings

Log = structlog.stdlib.BoundLogger


def configure_logs(settings: TelemetrySettings, service: str) -> Log:
    """Send this process's logs, ours and those of libraries, through one formatter.

    Args:
        settings: Level and shape.
        service: Name that stands on every line.

    Returns:
        A logger that is bound to the service.
    """
    as_json = settings.log_format == "json" or (
        settings.log_format == "auto" and not sys.stderr.isatty()
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    renderers: list[Any] = (
        [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
        if as_json
        else [structlog.dev.ConsoleRenderer()]
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    structlog.contextvars.bind_contextvars(service=service)
    return logger(service)


def logger(name: str) -> Log:
    """A structured logger; keyword arguments of its calls become fields."""
    return structlog.stdlib.get_logger(name)


def serve_metrics(settings: TelemetrySettings) -> int | None:
    """Serve ``/metrics`` from a daemon thread.

    Returns:
        The port it listens on, or None when metrics are switched off (port -1).

    Raises:
        OSError: The port is taken.
    """
    if settings.metrics_port < 0:
        return None
    server, _thread = start_http_server(settings.metrics_port, settings.metrics_host)
    return int(server.server_port)
