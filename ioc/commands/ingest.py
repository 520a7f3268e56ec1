"""``ioc ingest``: the bridge from MQTT to Kafka."""

from __future__ import annotations

import typer

app = typer.Typer(help="Bridge from MQTT to Kafka.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Bridge from MQTT to Kafka."""


@app.command()
def run() -> None:
    """Carry messages from MQTT to Kafka until SIGTERM or Ctrl-C.

    Settings: sections mqtt, kafka, ingest and telemetry of ioc.toml, or IOC_* variables.
    """
    from ingest.adapters import Adapters
    from ingest.bridge import Bridge
    from ioc.service import run_until_signal
    from ioc.settings import load_settings

    settings = load_settings()
    path = settings.ingest.adapters_file
    adapters = Adapters.load(path) if path is not None else None
    run_until_signal("ingest", lambda: Bridge(settings, adapters))
