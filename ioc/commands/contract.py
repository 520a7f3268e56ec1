"""``ioc contract``: the documents generated from the event structs."""

from __future__ import annotations

import typer

app = typer.Typer(help="JSON Schema and AsyncAPI of the events.", no_args_is_help=True)
