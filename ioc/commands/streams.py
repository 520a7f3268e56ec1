"""``ioc streams``: the Faust workers."""

from __future__ import annotations

import typer

app = typer.Typer(help="Faust workers: windows, alerts, sink, receipts.", no_args_is_help=True)
