"""What every request handler needs, made once at the start."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from obstore.store import ObjectStore

from console.auth.throttle import AddressThrottle
from console.auth.vault import Vault
from console.partial_files import PartialFiles
from console.refusals import Refusals
from console.viewing import SeenCases, Views
from ioc.clock import Clock
from ioc.console_settings import ConsoleSettings
from store.pool import Pool


@dataclass(frozen=True, slots=True)
class Context:
    """The console's shared parts.

    Attributes:
        settings: The section ``[console]``.
        pool: Connections that work as the role ``ioc_console``.
        originals: Where evidence is kept.
        vault: The console's own keys.
        clock: The time.
        throttle: Tries to log in, by address.
        partial_files: Evidence that is still arriving.
        views: Viewing copies of evidence.
        seen_cases: Whose look at which case is in the audit already.
        refusals: Programs that were turned away.
    """

    settings: ConsoleSettings
    pool: Pool
    originals: ObjectStore
    vault: Vault
    clock: Clock
    throttle: AddressThrottle
    partial_files: PartialFiles
    views: Views
    seen_cases: SeenCases
    refusals: Refusals = field(default_factory=Refusals)


def context_of(request: Request) -> Context:
    """The context of the application that a request came to."""
    context = request.app.state.context
    assert isinstance(context, Context)
    return context


Ctx = Annotated[Context, Depends(context_of)]
