"""``ioc models``: the registry of ONNX models."""

from __future__ import annotations

import typer

app = typer.Typer(help="Registry of ONNX models.", no_args_is_help=True)
