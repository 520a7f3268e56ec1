"""``ioc audit``: whether the record of who did what is whole."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ioc.errors import ConfigError

if TYPE_CHECKING:
    from ioc.identity import Trust
    from store.chain import Chain, Head, Line
    from store.people import Connection
    from store.roots import Root

app = typer.Typer(help="Audit: check its chain, sign its daily roots.", no_args_is_help=True)

PROGRESS_S = 2.0
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


@app.command()
def verify(
    root: Annotated[
        list[Path] | None,
        typer.Option(
            help="File of a signed root that was kept elsewhere, or a folder of them; again for "
            "more. Those in console.work_dir/roots are always taken."
        ),
    ] = None,
    key: Annotated[
        list[Path] | None,
        typer.Option(
            help="PEM file of the console's public key (ioc audit key), or a folder; again for "
            "more. The key in console.keys_dir is always taken."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Follow the whole chain; find every changed, missing or added line, one line for each.

    Needs to read the tables audit, audit_head and audit_root, nothing more. Exit code 0 when all
    is as it was written, 1 when not, 2 for wrong use.
    """
    from console import audit_roots
    from ioc.settings import load_settings

    settings = load_settings()
    folder = settings.console.work_dir / audit_roots.FOLDER
    paths = [*(root or []), *([folder] if folder.is_dir() else [])]
    for path in (*paths, *(key or [])):
        if not path.exists():
            raise ConfigError(f"{path}: no such file; give the file of a root or of a key")
    exported, unreadable = audit_roots.read_files(paths)
    trust = audit_roots.trusted(settings.console.keys_dir, key or [])
    stored, chain = _check(exported, trust, quiet=as_json)
    if (stored or exported) and not len(trust):
        raise ConfigError(
            f"audit verify: whose roots are right? give --key PUB.pem (there is no key of the "
            f"console in {settings.console.keys_dir})"
        )
    for fault in unreadable:
        chain.note(fault)
    known = list(dict.fromkeys((*stored, *exported)))
    many = len(chain.faults) + chain.more
    covered = max((one.seq for one in known), default=0)
    if as_json:
        document = {
            "ok": not many,
            "lines": chain.lines,
            "last": chain.seq,
            "hash": chain.hash.hex(),
            "roots": len(known),
            "rooted": covered,
            "faults": chain.faults,
            "more_faults": chain.more,
        }
        typer.echo(json.dumps(document, ensure_ascii=False))
    else:
        for fault in chain.faults:
            typer.echo(fault)
        if chain.more:
            typer.echo(f"and {chain.more} more faults")
        verdict = f"{many} faults" if many else "nguyên vẹn (intact)"
        typer.echo(
            f"{chain.lines} lines to line {chain.seq}, hash {chain.hash.hex()}; {len(known)} roots "
            f"to line {covered}: {verdict}",
            err=bool(many),
        )
    if many:
        raise typer.Exit(1)


@app.command("root")
def sign_roots(as_json: AsJson = False) -> None:
    """Sign the last link of each finished day that has no root yet, and export all roots.

    The console does it by itself; keep copies of the files elsewhere.
    """
    from console import audit_roots
    from console.app import ROLE
    from console.auth.vault import Vault
    from console.originals import open_store
    from ioc.clock import utc_now
    from ioc.commands.database import in_database
    from ioc.settings import load_settings
    from store import roots

    settings = load_settings().console
    vault = Vault.open(settings.keys_dir)
    store = open_store(settings.evidence_url)
    folder = settings.work_dir / audit_roots.FOLDER

    async def work(connection: Connection) -> tuple[list[Root], list[Root]]:
        made = await audit_roots.sign_due(connection, vault.signing, utc_now())
        return made, await roots.roots(connection)

    made, known = in_database(work, "ioc-audit-root", role=ROLE)
    written = asyncio.run(audit_roots.export(known, folder, store))
    if as_json:
        document = {
            "signed": [json.loads(one.file()) for one in made],
            "written": [str(path) for path in written],
            "roots": len(known),
        }
        typer.echo(json.dumps(document))
        return
    for one in made:
        typer.echo(f"{one.day}: line {one.seq}, hash {one.hash.hex()}, key {one.key_id}")
    for path in written:
        typer.echo(f"written {path}")
    typer.echo(f"{len(made)} signed, {len(known)} in all; keep a copy of {folder} elsewhere")


@app.command("key")
def show_key(as_json: AsJson = False) -> None:
    """Print the console's public key, which signs roots and exports; give it to who verifies."""
    from console.auth.vault import SIGNING
    from ioc.identity import DeviceKey
    from ioc.settings import load_settings

    path = load_settings().console.keys_dir / SIGNING
    if not path.exists():
        raise ConfigError(f"{path}: the console has no key yet; it makes one at its first start")
    one = DeviceKey.load(path)
    if as_json:
        typer.echo(json.dumps({"id": one.id, "public_pem": one.public_pem()}))
        return
    typer.echo(f"# console  key {one.id}")
    typer.echo(one.public_pem(), nl=False)


def _check(exported: list[Root], trust: Trust, *, quiet: bool) -> tuple[list[Root], Chain]:
    from console import audit_check
    from ioc.commands.database import in_database
    from store import audit, roots

    told = time.monotonic()

    def progress(seq: int, last: int) -> None:
        nonlocal told
        if not quiet and time.monotonic() - told >= PROGRESS_S:
            told = time.monotonic()
            typer.echo(f"line {seq} of {last} ({seq / max(last, 1):.0%})", err=True)

    async def work(connection: Connection) -> tuple[list[Root], Chain]:
        async def stretch(begin: int, most: int) -> tuple[list[Line], Head]:
            return await audit.stretch(connection, begin, most)

        stored = await roots.roots(connection)
        return stored, await audit_check.check(stretch, stored, exported, trust, progress=progress)

    return in_database(work, "ioc-audit-verify", autocommit=True)
