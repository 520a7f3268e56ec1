"""``ioc ingest``: the bridge from MQTT to Kafka."""

from __future__ import annotations

import typer

app = typer.Typer(help="Bridge from MQTT to Kafka.", no_args_is_help=True)
