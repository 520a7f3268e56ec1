"""``ioc deadletter``: messages that were set aside."""

from __future__ import annotations

import typer

app = typer.Typer(help="Messages that were set aside.", no_args_is_help=True)
