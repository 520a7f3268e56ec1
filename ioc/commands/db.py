"""``ioc db``: the database."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from ioc.errors import ConfigError

if TYPE_CHECKING:
    from store.logins import Login

app = typer.Typer(help="Database: migrate, check, maintain.", no_args_is_help=True)

AsJson = typer.Option(False, "--json", help="Print one JSON object and nothing else.")
RoleName = Annotated[str, typer.Argument(metavar="NAME", help="The role's name.")]
PasswordFile = Annotated[Path, typer.Option(help="File whose content becomes its password.")]


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


@app.command()
def reader(
    name: RoleName,
    password_file: PasswordFile,
    connections: Annotated[
        int, typer.Option(min=1, max=200, help="How many it may hold at a time.")
    ] = 20,
    timeout_s: Annotated[
        float, typer.Option(min=0.1, max=60, help="Longest statement, seconds.")
    ] = 5,
) -> None:
    """Make a role for Grafana, or bring it up to date: reads the wall's figures, and no plate.

    Its sessions are read-only and end a statement in time, and the rights of ioc_wall end where
    these two can be switched off. Run it as the owner of the tables, again after every migration.
    """
    from store.logins import reader as limits

    _login(name, password_file, limits(connections, timeout_s))


@app.command()
def login(
    name: RoleName,
    password_file: PasswordFile,
    part: Annotated[str, typer.Option(help="core (workers, watcher) or console.")],
    connections: Annotated[
        int, typer.Option(min=1, max=500, help="How many it may hold at a time.")
    ] = 40,
) -> None:
    """Make a role that a service logs in as, or bring it up to date.

    It may do what its part does and nothing else: a worker changes no decision and no audit. Run it
    as the owner of the tables, again after every migration.
    """
    from store.logins import Login

    if part == "core":
        _login(name, password_file, Login("ioc_core", connections))
    elif part == "console":
        _login(name, password_file, Login("ioc_console", connections))
    else:
        raise ConfigError(f"--part {part}: give core or console")


def _login(name: str, password_file: Path, login: Login) -> None:
    from ioc.settings import load_settings
    from store.logins import make_login
    from store.migrate import MigrationError

    try:
        password = password_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no text"
        raise ConfigError(f"--password-file {password_file}: {reason}") from None
    try:
        new = make_login(load_settings().database, name, password, login)
    except MigrationError as error:
        _fail(error)
    typer.echo(f"{name}: {'made' if new else 'up to date'}, with the rights of {login.group}")


def _print_json(value: Any) -> None:
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def _fail(error: Exception) -> Any:
    typer.echo(f"ioc: {error}", err=True)
    raise typer.Exit(1)
