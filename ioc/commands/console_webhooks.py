"""``ioc console webhooks``: how those stand who are told of decided cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ioc.commands.database import in_database
from ioc.errors import ConfigError

if TYPE_CHECKING:
    from store.people import Connection
    from store.webhooks import Abandoned, Count


def webhooks(
    target: Annotated[str, typer.Option(help="Only this one; its name in the settings.")] = "",
    retry: Annotated[
        bool, typer.Option("--retry", help="Let what was given up be tried again.")
    ] = False,
) -> None:
    """List webhooks: waiting, delivered, given up after a week; --retry tries the last again."""
    from console.app import ROLE
    from ioc.clock import utc_now
    from ioc.settings import load_settings
    from store import audit
    from store import webhooks as store

    known = {one.name for one in load_settings().console.webhooks}
    only = target or None

    async def work(connection: Connection) -> tuple[list[Count], list[Abandoned], int]:
        counts = await store.counts(connection)
        if only is not None and only not in known | {count.target for count in counts}:
            raise ConfigError(
                f"--target {only}: no such webhook; there are {', '.join(sorted(known)) or 'none'}"
            )
        given_up = await store.abandoned(connection, only)
        again = 0
        if retry:
            again = await store.retry(connection, utc_now(), only)
            await audit.append(
                *(connection, "system:command", "webhook.retried", f"webhook:{only or '*'}"),
                deliveries=again,
            )
        return counts, given_up, again

    counts, given_up, again = in_database(work, "ioc-console-webhooks", role=ROLE)
    stand = {count.target: count for count in counts}
    for name in sorted(known | stand.keys()):
        if only is not None and name != only:
            continue
        count = stand.get(name)
        figures = (
            f"{count.waiting} waiting, {count.delivered} delivered, {count.abandoned} given up"
            if count
            else "nothing to tell yet"
        )
        typer.echo(f"{name}: {figures}{'' if name in known else '; not in the settings any more'}")
    for one in given_up:
        typer.echo(
            f"  {one.target}  {one.event}  case {one.number}  {one.attempts} attempts since "
            f"{one.created:%Y-%m-%d %H:%M} UTC  {one.error}"
        )
    if retry:
        typer.echo(f"{again} tried again")
