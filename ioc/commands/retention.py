"""``ioc console retention``: remove what is past its time, or tell what would go."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from ioc.errors import ConfigError

if TYPE_CHECKING:
    from console.retention import Outcome
    from store.people import Connection


def retention(
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would go; nothing is changed.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
) -> None:
    """Remove plates and evidence that are past their time. The console does it each hour.

    Times are in the settings' section console: confirmed_keep_days, rejected_keep_days and
    unreviewed_keep_days.
    """
    from console.app import ROLE
    from console.keeping import StorageError
    from console.originals import open_store
    from console.retention import run
    from ioc.clock import utc_now
    from ioc.commands.database import in_database
    from ioc.settings import load_settings

    settings = load_settings().console
    originals = open_store(settings.evidence_url)

    async def forget(sha256: str) -> None:
        copies = settings.work_dir / "views" / sha256[:2] / sha256
        await asyncio.to_thread(shutil.rmtree, copies, ignore_errors=True)

    async def work(connection: Connection) -> Outcome:
        return await run(connection, originals, settings, utc_now(), forget=forget, dry=dry)

    try:
        done = in_database(work, "ioc-console-retention", role=ROLE)
    except StorageError as error:
        raise ConfigError(
            f"console.evidence_url: {error}; nothing of that case was changed"
        ) from None
    if as_json:
        document = {
            "dry_run": dry,
            "cases": [
                {
                    "number": case.number,
                    "reason": case.reason,
                    "deleted": list(case.deleted),
                    "kept": list(case.kept),
                }
                for case in done.cases
            ],
            "orphans": done.orphans,
            "files": done.files,
            "bytes": done.bytes,
        }
        typer.echo(json.dumps(document))
        return
    for case in done.cases:
        shared = f", {len(case.kept)} stay with other cases" if case.kept else ""
        typer.echo(f"case {case.number}: {case.reason}, {len(case.deleted)} files{shared}")
    for digest in done.orphans:
        typer.echo(f"file {digest}: its event never came")
    reasons = Counter(case.reason for case in done.cases)
    told = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items())) or "none"
    verb = "would be removed" if dry else "removed"
    typer.echo(f"cases: {told}; {done.files} files, {done.bytes / 2**20:.1f} MiB {verb}")
