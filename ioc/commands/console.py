"""``ioc console``: the review console, its people and its programs."""

from __future__ import annotations

import asyncio
import getpass
import json
import secrets
import sys
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from ioc.commands.console_webhooks import webhooks
from ioc.commands.retention import retention
from ioc.errors import ConfigError

if TYPE_CHECKING:
    from store.people import Connection

app = typer.Typer(help="Police review: the console, its people and devices.", no_args_is_help=True)
T = TypeVar("T")


@app.callback()
def group() -> None:
    """Police review: the console, its people and devices."""


@app.command()
def run() -> None:
    """Serve the console until SIGTERM or Ctrl-C.

    Settings: the sections console, database and telemetry of ioc.toml, or IOC_* variables.
    """
    from console.server import serve
    from ioc.service import begin
    from ioc.settings import load_settings

    settings = load_settings()
    begin("console", settings.telemetry)
    serve(settings)


@app.command()
def person(
    login: Annotated[str, typer.Argument(help="Log-in name: lower-case letters, digits, . _ - @")],
    name: Annotated[str, typer.Option(help="Full name, as printed on records.")],
    role: Annotated[
        str, typer.Option(help="operator, reviewer, supervisor, auditor or admin.")
    ] = "admin",
    unit: Annotated[str, typer.Option(help="Where the person serves.")] = "",
    generate: Annotated[
        bool, typer.Option("--generate", help="Print a first password instead of asking for one.")
    ] = False,
) -> None:
    """Enter a person: the first administrator is made here. No password is ever a default."""
    from console.auth import passwords
    from ioc.clock import utc_now
    from ioc.ids import uuid7
    from store import audit, people

    if role not in people.ROLES:
        raise ConfigError(f"--role {role}: give one of {', '.join(people.ROLES)}")
    password = secrets.token_urlsafe(15) if generate else _ask(login)
    weak = passwords.weakness(password, login)
    if weak:
        from console.texts import say

        raise ConfigError(f"password of {login}: {say('vi', weak)} / {say('en', weak)}")

    async def work(connection: Connection) -> None:
        await people.add_person(
            connection,
            id=uuid7(utc_now()),
            login=login,
            name=name,
            role=next(one for one in people.ROLES if one == role),
            unit=unit,
            password_hash=passwords.make_hash(password),
            must_change=generate,
        )
        await audit.append(
            connection, "system:command", "person.added", f"person:{login}", role=role
        )

    _in_database(work, f"log-in name {login}")
    typer.echo(f"{login}: {role}")
    if generate:
        typer.echo(f"first password, to be changed at the first log-in: {password}")


@app.command()
def credential(
    name: Annotated[str, typer.Argument(help="What it is for, such as the name of the node.")],
    scope: Annotated[str, typer.Option(help="evidence (send) or handover (fetch).")] = "evidence",
    device: Annotated[
        str, typer.Option(help="Whose evidence: city, city/site or city/site/device.")
    ] = "",
    days: Annotated[int, typer.Option(min=1, help="It ends after this.")] = 365,
    out: Annotated[
        Path | None, typer.Option(help="File to write it to instead of printing.")
    ] = None,
) -> None:
    """Make a bearer token for a device or another system; shown once, kept as a digest."""
    from console.auth.guard import token_of
    from ioc.clock import utc_now
    from ioc.ids import uuid7
    from store import audit, people

    if scope not in ("evidence", "handover"):
        raise ConfigError(f"--scope {scope}: give evidence or handover")
    parts = [part or None for part in device.strip("/").split("/")] if device else []
    if scope == "evidence" and not parts:
        raise ConfigError("--device: missing; say whose evidence it may send")
    city, site, one = (*parts, None, None, None)[:3]
    token = secrets.token_urlsafe(32)
    now = utc_now()

    async def work(connection: Connection) -> None:
        await people.add_credential(
            connection,
            id=uuid7(now),
            name=name,
            token=token_of(token),
            scope="evidence" if scope == "evidence" else "handover",
            city=city,
            site=site,
            device=one,
            expires=now + timedelta(days=days),
        )
        await audit.append(
            *(connection, "system:command", "credential.added", f"credential:{name}"), scope=scope
        )

    _in_database(work, f"name {name}")
    if out is None:
        typer.echo(token)
    else:
        out.touch(0o600)
        out.write_text(token + "\n", encoding="utf-8")
        typer.echo(f"{name}: written to {out}", err=True)


@app.command()
def enrol(
    pem: Annotated[Path, typer.Argument(help="Public key in PEM, as `ioc evidence key` prints.")],
    device: Annotated[str, typer.Option(help="The only device that it may sign for: city/site/"
                                        "device.")],
    note: Annotated[str, typer.Option(help="Who vouches for it, and how it came.")] = "",
) -> None:  # fmt: skip
    """Trust a device's key: evidence that it signed, before too, counts as the device's own."""
    from console.judging import recheck_device
    from console.pages.devices import public_of
    from ioc.clock import utc_now
    from ioc.identity import key_id
    from ioc.topics import TopicError, parse_key
    from store import audit, device_keys

    try:
        path = parse_key(device.strip("/"))
    except TopicError as error:
        raise ConfigError(f"--device: {error}") from None
    try:
        text = pem.read_text(encoding="utf-8")[:16_384]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{pem}: cannot be read: {error}") from None
    public = public_of(text)
    if public is None or text.count("BEGIN PUBLIC KEY") != 1:
        raise ConfigError(
            f"{pem}: expected one Ed25519 public key in PEM; on the node: "
            f"ioc evidence key --device {path.key}"
        )

    async def work(connection: Connection) -> int:
        known = await device_keys.key_of(connection, public)
        if known is not None:
            state = "is enrolled" if known.revoked is None else "was revoked, and never comes back"
            raise ConfigError(f"{pem}: key {known.key} {state} for {known.path.key}")
        await device_keys.add_key(connection, public, path, utc_now(), note)
        changed = await recheck_device(connection, path)
        await audit.append(
            *(connection, "system:command", "key.enrolled", f"device:{path.source}"),
            public=public.hex(),
            note=note,
        )
        return changed

    changed = _in_database(work, f"key of {path.key}")
    typer.echo(f"{path.key}: key {key_id(public)} enrolled; {changed} events judged anew")


@app.command("revoke-key")
def revoke_key(
    key: Annotated[str, typer.Argument(help="Its id: 16 hex digits.")],
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Believe it no more for acts "
                     "from this Vietnamese time on; left out, from now on."),
    ] = None,
    note: Annotated[str, typer.Option(help="Why, such as: camera stolen.")] = "",
) -> None:  # fmt: skip
    """Trust a device's key no more. What it signed of earlier acts stays trusted."""
    from console.judging import recheck_device
    from ioc.clock import VIETNAM, utc_now
    from store import audit, device_keys

    now = utc_now()
    at = now if since is None else since.replace(tzinfo=VIETNAM)
    if at > now:
        raise ConfigError("--since: lies in the future; revoke the key then")

    async def work(connection: Connection) -> tuple[str, int]:
        gone = await device_keys.revoke_key(connection, key.lower(), at, note)
        if gone is None:
            raise ConfigError(f"{key}: no key of this id may sign; see the page /devices")
        changed = await recheck_device(connection, gone.path)
        await audit.append(
            *(connection, "system:command", "key.revoked", f"device:{gone.path.source}"),
            key=gone.key,
            since=at.isoformat(),
            note=note,
        )
        return gone.path.key, changed

    owner, changed = _in_database(work, f"key {key}")
    typer.echo(f"{owner}: key {key.lower()} revoked; {changed} events judged anew")


@app.command("verify-evidence")
def verify_evidence(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
) -> None:
    """Read all originals again: every flipped bit, missing file and changed row; one line each.

    Exit code 0 when all is as it came, 1 when not, 2 when it cannot be known.
    """
    from console.custody import Custody, verify_all
    from console.judging import recheck
    from console.keeping import StorageError
    from console.originals import open_store
    from ioc.clock import utc_now
    from ioc.settings import load_settings
    from store import audit

    url = load_settings().console.evidence_url

    async def work(connection: Connection) -> Custody:
        while await recheck(connection, utc_now()):
            await connection.commit()
        await connection.commit()
        custody = await verify_all(connection, open_store(url))
        for one in custody.findings:
            await audit.append(
                *(connection, "system:command", "evidence.damaged", f"evidence:{one.sha256}"),
                what=one.what,
            )
        await audit.append(
            *(connection, "system:command", "evidence.verified", "evidence"),
            files=custody.files,
            findings=len(custody.findings),
        )
        return custody

    try:
        custody = _in_database(work, "evidence")
    except StorageError as error:
        raise ConfigError(f"console.evidence_url: {url}: {error}") from None
    if as_json:
        found = [{"sha256": one.sha256, "what": one.what} for one in custody.findings]
        typer.echo(
            json.dumps(
                {"ok": not found, "files": custody.files, "sets": custody.sets, "faults": found}
            )
        )
    else:
        for one in custody.findings:
            typer.echo(str(one))
        verdict = f"{len(custody.findings)} faults" if custody.findings else "nguyên vẹn (intact)"
        typer.echo(f"{custody.sets} sets, {custody.files} files: {verdict}", err=True)
    if custody.findings:
        raise typer.Exit(1)


app.command("webhooks")(webhooks)
app.command("retention")(retention)


def _ask(login: str) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass(f"password of {login}: ")
    if getpass.getpass("again: ") != password:
        raise ConfigError("the two passwords are not the same")
    return password


def _in_database(work: Callable[[Any], Coroutine[Any, Any, T]], what: str) -> T:
    """Do something in one transaction, as the console's role.

    Raises:
        ConfigError: The database is away or not migrated, or a value is refused.
    """
    import psycopg
    from psycopg import AsyncConnection

    from console.app import ROLE
    from ioc.settings import load_settings
    from store.pool import conninfo

    async def whole() -> T:
        text = conninfo(load_settings().database, "ioc-console-command", role=ROLE)
        async with await AsyncConnection.connect(text) as connection:
            return await work(connection)

    try:
        return asyncio.run(whole())
    except psycopg.errors.UniqueViolation:
        raise ConfigError(f"{what}: is taken; choose another") from None
    except psycopg.errors.CheckViolation as error:
        raise ConfigError(f"{what}: {' '.join(str(error).split())}") from None
    except psycopg.errors.UndefinedTable:
        raise ConfigError("database.url: has not the tables; run: ioc db migrate") from None
    except psycopg.OperationalError as error:
        raise ConfigError(f"database.url: {' '.join(str(error).split())}") from None
