"""``ioc local``: the embedded servers."""

from __future__ import annotations

import typer

app = typer.Typer(help="Embedded servers on this machine.", no_args_is_help=True)
