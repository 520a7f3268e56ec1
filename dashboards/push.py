"""Bring a Grafana to what the code says: folder, rights, data source, screens, playlist.

Each thing is read, compared and, only when it differs, written. A connection that breaks begins the
thing anew with its reading, so that a write whose answer was lost is neither lost nor done twice.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeVar

from dashboards.server import AwayError, PushError, Server
from ioc.grafana_settings import GrafanaSettings

_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 8.0

T = TypeVar("T")

Action = Literal["same", "create", "update", "provisioned"]
"""``provisioned``: comes from files on Grafana's machine, which the API may not change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became, or would become, of one thing.

    Attributes:
        kind: ``folder``, ``permissions``, ``datasource``, ``dashboard`` or ``playlist``.
        name: Its title or uid.
        action: What was done or would be.
        lines: How it differed, key by key.
    """

    kind: str
    name: str
    action: Action
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """A change and how it is made."""

    change: Change
    write: Callable[[], object] | None = None


class Thing(Protocol):
    """Something in a Grafana that the code has a say in."""

    @property
    def name(self) -> str:
        """Kind and name, for messages."""
        ...

    def step(self, server: Server) -> Step:
        """Read it and say what must be done.

        Raises:
            PushError: It cannot be read, or must not be changed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Options:
    """How to push.

    Attributes:
        dry: Only say what would be done.
        overwrite: Put the code's screens over ones that somebody has changed in Grafana.
        renew_secrets: Send the database's password again; Grafana never shows the one it has.
    """

    dry: bool = False
    overwrite: bool = False
    renew_secrets: bool = False


def push(
    server: Server,
    things: list[Thing],
    settings: GrafanaSettings,
    options: Options,
    waiting: Callable[[str], None] = lambda _: None,
) -> Iterator[Change]:
    """Each thing in turn; what was done before an error stays done.

    Args:
        server: The Grafana.
        things: In the order in which they need each other.
        settings: ``wait_s`` says for how long a Grafana that is away is waited for, each time.
        options: How.
        waiting: Told why, before each wait.

    Raises:
        PushError: One line that says what to do.
    """
    _patiently(server.check, settings.wait_s, waiting)
    for thing in things:

        def settle(thing: Thing = thing) -> Change:
            step = thing.step(server)
            if step.write is not None and not options.dry:
                step.write()
            return step.change

        yield _patiently(settle, settings.wait_s, waiting)


def _patiently(do: Callable[[], T], wait_s: float, waiting: Callable[[str], None]) -> T:
    end = time.monotonic() + wait_s
    pause = _FIRST_WAIT_S
    while True:
        try:
            return do()
        except AwayError as error:
            left = end - time.monotonic()
            if left <= 0:
                raise PushError(f"{error}; given up after {wait_s:g} s") from None
            waiting(str(error))
            # Half of it at random: several who wait do not come back in step.
            time.sleep(min(left, pause * random.uniform(0.5, 1)))
            pause = min(2 * pause, _LONGEST_WAIT_S)
