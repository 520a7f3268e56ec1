"""``ioc edge``: the device side."""

from __future__ import annotations

import typer

app = typer.Typer(help="Edge node: run it, check its site file.", no_args_is_help=True)
