"""``ioc dashboards``: the screens of the wall and their alert rules, for Grafana."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ioc.errors import ConfigError

app = typer.Typer(help="Grafana's screens and alert rules, from the code.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


@app.callback()
def group() -> None:
    """Grafana's screens and alert rules, from the code."""


@app.command()
def build(
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write an installation's files below this folder, with the section grafana of the "
            "settings; left out, the committed ones of this checkout."
        ),
    ] = None,
) -> None:
    """Write the files that differ from the code."""
    from dashboards.build import ROOT, committed, files, write
    from ioc.settings import load_settings

    if out is None:
        if not (ROOT / "pyproject.toml").is_file():
            raise ConfigError("this is no checkout: say where to write, with --out")
        found, folder = committed(), ROOT
    else:
        settings = load_settings()
        url = settings.grafana.console_url or settings.console.public_url
        found, folder = files(settings.grafana, url), out
    try:
        changed = write(found, folder)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot write: {error.strerror or error}") from None
    for path in changed:
        typer.echo(f"{'wrote' if path in found else 'removed':<8} {folder / path}")
    typer.echo(f"{len(found)} files, {len(changed)} changed")


@app.command()
def check(
    database: Annotated[
        bool,
        typer.Option(
            "--database",
            help="Also ask the settings' database every question, as the role ioc_wall.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say which committed file is not what the code says, and which question has no answer."""
    from dashboards.build import differences

    different = differences()
    unanswered = _unanswered() if database else []
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "files": different,
                    "queries": unanswered,
                    "database": database,
                    "ok": not (different or unanswered),
                }
            )
        )
    else:
        for line in different:
            typer.echo(line)
        for fault in unanswered:
            typer.echo(
                f"{fault['where']}: dashboards/queries/{fault['query']}.sql: {fault['what']}"
            )
        if different:
            typer.echo("build them again: ioc dashboards build", err=True)
        elif not unanswered:
            typer.echo("all files are what the code says")
            if database:
                typer.echo("the database answers every question")
    if different or unanswered:
        raise typer.Exit(1)


def _unanswered() -> list[dict[str, str]]:
    """What the database of the settings does not answer."""
    from dataclasses import asdict

    import psycopg

    from dashboards.ask import faults
    from ioc.clock import utc_now
    from ioc.settings import load_settings
    from store.pool import conninfo

    settings = load_settings().database
    try:
        with psycopg.connect(
            conninfo(settings, "ioc-dashboards-check"), prepare_threshold=None
        ) as connection:
            return [asdict(fault) for fault in faults(connection, utc_now())]
    except psycopg.Error as error:
        typer.echo(f"ioc: database: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(1) from None


@app.command()
def push(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done, and how it differs.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option(help="Put the code's screens over ones that were changed in Grafana.")
    ] = False,
    renew_secrets: Annotated[
        bool,
        typer.Option(
            "--renew-secrets", help="Send the database's password again, after it was changed."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring Grafana to what the code says; nothing is written that is right already."""
    from dashboards.push import Change, Options
    from dashboards.push import push as pushed
    from dashboards.push_screens import everything
    from dashboards.server import PushError, Server
    from ioc.settings import load_settings

    settings = load_settings()
    options = Options(dry=dry_run, overwrite=overwrite, renew_secrets=renew_secrets)
    url = settings.grafana.console_url or settings.console.public_url
    things = everything(settings.grafana, url, options)
    server = Server(settings.grafana)
    done: list[Change] = []
    error: str | None = None
    try:
        for change in pushed(server, things, settings.grafana, options, _waiting):
            done.append(change)
            if not as_json:
                _show(change)
    except PushError as failed:
        error = str(failed)
    written = sum(change.action in ("create", "update") for change in done)
    if as_json:
        document = {
            "url": settings.grafana.url,
            "dry_run": dry_run,
            "changes": [
                {
                    "kind": change.kind,
                    "name": change.name,
                    "action": change.action,
                    "difference": list(change.lines),
                }
                for change in done
            ],
            "error": error,
        }
        typer.echo(json.dumps(document, ensure_ascii=False))
    elif error is None:
        typer.echo(f"{len(done)} things, {written} {'would change' if dry_run else 'changed'}")
    if error is not None:
        typer.echo(f"ioc: {error}", err=True)
        raise typer.Exit(1)


def _waiting(reason: str) -> None:
    typer.echo(f"waiting: {reason}", err=True)


def _show(change: object) -> None:
    from dashboards.push import Change

    assert isinstance(change, Change)
    typer.echo(f"{change.action:<11} {change.kind} {change.name}")
    for line in change.lines:
        typer.echo(f"            {line}")
