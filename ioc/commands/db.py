"""``ioc db``: the database."""

from __future__ import annotations

import sys
from typing import Any

import msgspec
import typer

from ioc.errors import ConfigError

app = typer.Typer(help="Database: migrate, check, maintain.", no_args_is_help=True)

AsJson = typer.Option(False, "--json", help="Print one JSON object and nothing else.")


@app.command()
def migrate(
    plain: bool = typer.Option(False, "--plain", help="Plain PostgreSQL, whatever is there."),
    timescale: bool = typer.Option(False, "--timescale", help="TimescaleDB, or fail."),
    auto: bool = typer.Option(
        False, "--auto", help="TimescaleDB where the server has it; this is the default."
    ),
    as_json: bool = AsJson,
) -> None:
    """Make the database if it is missing, and bring it to this version's schema."""
    from ioc.settings import load_settings
    from store.migrate import MigrationError
    from store.migrate import migrate as run
    from store.schema import Flavour

    if plain + timescale + auto > 1:
        raise ConfigError("give one of --plain, --timescale and --auto")
    wanted = Flavour.PLAIN if plain else Flavour.TIMESCALE if timescale else None
    try:
        outcome = run(load_settings().database, wanted)
    except MigrationError as error:
        _fail(error)
    if as_json:
        _print_json(outcome)
        return
    if outcome.created:
        typer.echo("created the database")
    for name in outcome.applied:
        typer.echo(f"applied {name}")
    typer.echo(f"schema version {outcome.version}, {outcome.flavour.value}")


@app.command()
def check(as_json: bool = AsJson) -> None:
    """Look the database over: schema, policies, settings. Exit code 1 when something is wrong."""
    from ioc.settings import load_settings
    from store.check import check as run

    report = run(load_settings().database)
    if as_json:
        _print_json({"good": report.good, **msgspec.to_builtins(report)})
    else:
        extension = f", TimescaleDB {report.extension}" if report.extension else ""
        typer.echo(f"PostgreSQL {report.server}{extension}, schema version {report.version}")
        for finding in report.findings:
            typer.echo(f"{finding.level:<7}  {finding.name}: {finding.detail}")
    if not report.good:
        raise typer.Exit(1)


@app.command()
def maintain(as_json: bool = AsJson) -> None:
    """Delete what is past its time; without background workers also refresh and compress."""
    from ioc.settings import load_settings
    from store.maintain import maintain as run
    from store.migrate import MigrationError

    try:
        tasks = run(load_settings().database)
    except MigrationError as error:
        _fail(error)
    if as_json:
        _print_json({"tasks": msgspec.to_builtins(tasks)})
    else:
        for task in tasks:
            done = "done" if task.rows is None else f"{task.rows} rows"
            typer.echo(f"{task.name}: {task.error or done}")
        if not tasks:
            typer.echo("nothing was due")
    if any(task.error for task in tasks):
        raise typer.Exit(1)


def _print_json(value: Any) -> None:
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def _fail(error: Exception) -> Any:
    typer.echo(f"ioc: {error}", err=True)
    raise typer.Exit(1)
