"""``ioc deadletter``: messages that were set aside."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import typer

from ioc.errors import ConfigError

app = typer.Typer(help="Messages that were set aside.", no_args_is_help=True)

AsJson = typer.Option(False, "--json", help="Print one JSON object and nothing else.")
_SHOWN_BYTES = 2048
_REPLAYED_AT_ONCE = 200
"""Letters in memory at a time: with 256 KiB each at most 50 MiB."""


@app.command("list")
def list_(
    reason: str | None = typer.Option(None, help="Only this reason, such as schema."),
    device: str | None = typer.Option(None, help="Only this device: city/site/device."),
    since: str | None = typer.Option(None, help="Only newer ones: 15m, 6h, 2d or a UTC time."),
    replayed: bool | None = typer.Option(
        None, "--replayed/--not-replayed", help="Only those that were sent again, or were not."
    ),
    limit: int = typer.Option(50, min=1, max=10_000, help="Most lines."),
    as_json: bool = AsJson,
) -> None:
    """List messages that were set aside, newest first."""
    from store.readers import list_dead_letters

    async def work(connection: Any) -> Any:
        return await list_dead_letters(
            connection,
            reason=_reason(reason),
            device=device,
            since=_instant(since),
            replayed=replayed,
            limit=limit,
        )

    letters = _with_database(work)
    if as_json:
        _print_json({"dead_letters": letters})
        return
    if not letters:
        typer.echo("no dead letters")
        return
    for letter in letters:
        where = "/".join(part for part in (letter.city, letter.site, letter.device) if part)
        mark = f"  replayed {letter.replays}x" if letter.replays else ""
        typer.echo(
            f"{str(letter.id)[:18]}  {letter.received:%Y-%m-%d %H:%M:%S}Z  {letter.reason:<15}"
            f"  {where or letter.topic[:60] or '-'}  {letter.field}: {letter.detail[:100]}{mark}"
        )
    typer.echo(f"{len(letters)} shown; `ioc deadletter show ID` tells all of one", err=True)


@app.command()
def show(
    letter_id: str = typer.Argument(metavar="ID", help="Its id, or the beginning of it."),
    raw: bool = typer.Option(False, "--raw", help="Print the bytes as they came, nothing else."),
    as_json: bool = AsJson,
) -> None:
    """Show one message: where it came from, what is wrong with it, its bytes."""
    stored = _find(letter_id)
    letter = stored.letter
    if raw:
        sys.stdout.buffer.write(letter.raw)
        return
    if as_json:
        _print_json({"dead_letter": stored})
        return
    for name in ("id", "received", "stage", "topic", "device", "reason", "field", "detail"):
        typer.echo(f"{name:<10} {getattr(letter, name)}")
    typer.echo(f"{'number':<10} boot {letter.bootid}, sequence {letter.sequence}")
    for name, value in letter.properties.items():
        typer.echo(f"{'property':<10} {name} = {value}")
    typer.echo(f"{'replays':<10} {stored.replays}")
    typer.echo(f"{'bytes':<10} {letter.raw_bytes}")
    text = letter.raw[:_SHOWN_BYTES].decode("utf-8", "backslashreplace")
    typer.echo("".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text))
    if letter.raw_bytes > _SHOWN_BYTES:
        typer.echo(f"… {letter.raw_bytes - _SHOWN_BYTES} more bytes; --raw prints them", err=True)


@app.command()
def replay(
    letter_ids: list[str] | None = typer.Argument(
        None, metavar="[ID]…", help="Ids, or the beginning of them."
    ),
    reason: str | None = typer.Option(None, help="All that were set aside for this reason."),
    limit: int = typer.Option(1000, min=1, max=100_000, help="Most messages of --reason."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would become of them."),
    as_json: bool = AsJson,
) -> None:
    """Send messages again through today's validator; those that pass now are stored.

    The time window is judged at the time when the message first came. A message that is still
    wrong stays where it is. Exit code 1 when none passed.
    """
    from ingest.adapters import Adapters
    from ingest.replay import Outcome, replay_letters
    from ioc.settings import load_settings
    from store.readers import find_dead_letter, list_dead_letters, mark_replayed

    if not letter_ids and reason is None:
        raise ConfigError("deadletter replay: give ids, or --reason")
    settings = load_settings()
    adapters_file = settings.ingest.adapters_file
    translator = None if adapters_file is None else Adapters.load(adapters_file)

    async def name(connection: Any) -> list[str]:
        wanted = list(letter_ids or ())
        if reason is not None:
            lines = await list_dead_letters(
                connection, reason=_reason(reason), replayed=False, limit=limit
            )
            wanted += [str(line.id) for line in lines]
        return list(dict.fromkeys(wanted))

    names = _with_database(name)
    outcomes: list[Outcome] = []
    for start in range(0, len(names), _REPLAYED_AT_ONCE):
        part = names[start : start + _REPLAYED_AT_ONCE]

        async def find(connection: Any, part: list[str] = part) -> list[Any]:
            return [(await find_dead_letter(connection, one)).letter for one in part]

        letters = _with_database(find)
        done = replay_letters(settings, letters, send=not dry_run, translator=translator)
        outcomes += done

        async def mark(connection: Any, done: list[Outcome] = done) -> None:
            for outcome in done:
                if outcome.passed:
                    await mark_replayed(connection, outcome.id)

        if not dry_run:
            _with_database(mark)
    passed = sum(outcome.passed for outcome in outcomes)
    if as_json:
        _print_json({"replayed": passed, "outcomes": outcomes})
    else:
        for outcome in outcomes:
            typer.echo(f"{outcome.id}  {'passes' if outcome.passed else outcome.error}")
        verb = "would pass" if dry_run else "sent again"
        typer.echo(f"{passed} of {len(outcomes)} {verb}")
    if outcomes and not passed:
        raise typer.Exit(1)


def _find(letter_id: str) -> Any:
    from store.readers import find_dead_letter

    async def work(connection: Any) -> Any:
        return await find_dead_letter(connection, letter_id)

    return _with_database(work)


def _with_database(work: Any) -> Any:
    """Run something on a connection of its own; a database that is away ends with code 1."""
    import asyncio

    import psycopg

    from ioc.settings import load_settings
    from store.pool import conninfo

    async def run() -> Any:
        database = load_settings().database
        async with await psycopg.AsyncConnection.connect(
            conninfo(database, "ioc-deadletter"), autocommit=True
        ) as connection:
            return await work(connection)

    try:
        return asyncio.run(run())
    except LookupError as error:
        typer.echo(f"ioc: {error}", err=True)
        raise typer.Exit(1) from None
    except psycopg.Error as error:
        typer.echo(f"ioc: database: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(1) from None


def _reason(text: str | None) -> str | None:
    from ioc.decode import Reason

    if text is None or text in list(Reason):
        return text
    raise ConfigError(f"--reason {text!r}: known are {', '.join(Reason)}")


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    units = {"m": "minutes", "h": "hours", "d": "days"}
    try:
        if text[-1:] in units and text[:-1].isdigit():
            return datetime.now(UTC) - timedelta(**{units[text[-1]]: int(text[:-1])})
        instant = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ConfigError(
            f"--since {text!r}: give 15m, 6h, 2d or a time such as 2026-11-22T08:00:00Z"
        ) from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _print_json(value: Any) -> None:
    import msgspec

    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
