"""``ioc streams``: the Faust workers."""

from __future__ import annotations

import typer

app = typer.Typer(help="Faust workers: windows, alerts, sink, receipts.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Faust workers: windows, alerts, sink, receipts."""


@app.command()
def run() -> None:
    """Store events, judge alerts and send receipts until SIGTERM or Ctrl-C.

    Start as many workers as you like, up to the number of partitions. Settings: sections
    kafka, database, mqtt, streams and telemetry of ioc.toml, or IOC_* variables.
    """
    from prometheus_client import REGISTRY

    from ioc.service import begin
    from ioc.settings import load_settings
    from streams.app import build_app, run_worker

    settings = load_settings()
    begin("streams", settings.telemetry)
    faust_app, core = build_app(settings)
    REGISTRY.register(core.counters)
    run_worker(faust_app)
