"""``ioc kafka``: the Kafka topics."""

from __future__ import annotations

import typer

app = typer.Typer(help="Kafka topics.", no_args_is_help=True)
