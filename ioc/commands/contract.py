"""``ioc contract``: the documents generated from the event structs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="JSON Schema and AsyncAPI of the events, JSON Schema of site files.",
    no_args_is_help=True,
)

FOLDER = Path("docs") / "contract"

Out = Annotated[Path | None, typer.Option("--out", help="Write to this file.")]
Check = Annotated[
    bool, typer.Option("--check", help="Compare with the committed file; exit 1 if it differs.")
]


@app.command("jsonschema")
def json_schema(out: Out = None, check: Check = False) -> None:
    """JSON Schema of one message of a device."""
    from ioc.contract import as_json, event_schema

    _deliver("jsonschema", as_json(event_schema()), FOLDER / "events.schema.json", out, check)


@app.command("asyncapi")
def async_api(out: Out = None, check: Check = False) -> None:
    """AsyncAPI of every MQTT and Kafka topic."""
    from ioc.contract import as_yaml, asyncapi
    from store.rows import Alert

    _deliver("asyncapi", as_yaml(asyncapi(Alert)), FOLDER / "asyncapi.yaml", out, check)


@app.command("site-schema")
def site_file_schema(out: Out = None, check: Check = False) -> None:
    """JSON Schema of a site file, for editors that check while one types."""
    from ioc.contract import as_json, site_schema

    _deliver("site-schema", as_json(site_schema()), FOLDER / "site.schema.json", out, check)


def _deliver(command: str, text: str, committed: Path, out: Path | None, check: bool) -> None:
    """Print a document, write it, or compare it with what stands in a file."""
    path = out or committed
    if check:
        try:
            found = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            found = None
        if found != text:
            state = "is missing or unreadable" if found is None else "differs from the code"
            typer.echo(f"{path}: {state}; mend: ioc contract {command} --out {path}", err=True)
            raise typer.Exit(1)
        typer.echo(f"{path}: as the code says")
    elif out is None:
        typer.echo(text, nl=False)
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
        typer.echo(f"wrote {out}", err=True)
