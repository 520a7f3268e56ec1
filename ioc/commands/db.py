"""``ioc db``: the database."""

from __future__ import annotations

import typer

app = typer.Typer(help="Database: migrate, check, maintain.", no_args_is_help=True)
