"""``ioc bench``: figures against a limit."""

from __future__ import annotations

import typer

app = typer.Typer(help="Benchmarks against a limit measured in the same run.", no_args_is_help=True)
