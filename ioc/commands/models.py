"""``ioc models``: the registry of ONNX models."""

from __future__ import annotations

import json
from typing import Annotated

import typer

app = typer.Typer(help="Registry of ONNX models.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep ``list`` a command of its own, however few commands there are."""


@app.command("list")
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """List the known models: contract, licence, and whether the file is here and whole."""
    from models.registry import load_manifest, model_folder, sha256_of

    manifest, folder = load_manifest(), model_folder()
    rows = []
    for name, entry in manifest.models.items():
        path = folder / entry.file
        if not path.is_file():
            state = "missing"
        else:
            state = "ready" if sha256_of(path) == entry.sha256 else "altered"
        rows.append({"name": name, "state": state, **entry.model_dump()})
    if as_json:
        typer.echo(json.dumps({"folder": str(folder), "models": rows}, ensure_ascii=False))
        return
    typer.echo(f"folder {folder}")
    for row in rows:
        typer.echo(
            f"{row['name']:<18} {row['state']:<8} {row['contract']:<12} {row['licence']:<12} "
            f"{row['file']}"
        )
