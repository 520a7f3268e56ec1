"""Webhooks: what is told of a decided case, how it is signed, when it is tried again. Pure.

A delivery names a case and holds nothing of its vehicle: whoever is told fetches the case with its
own credential, and that is what the audit shows. Signed as Standard Webhooks 1.0 has it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from msgspec import Struct

from ioc.webhook_signing import sign
from store.webhooks import Untold

FIRST_PAUSE: Final = timedelta(seconds=10)
LONGEST_PAUSE: Final = timedelta(hours=24)
MOST_ATTEMPTS: Final = 15
"""With pauses of 10 s × 4ⁿ, at most a day, the last attempt is made some 7 days after the first."""


class Told(Struct, frozen=True, kw_only=True):
    """Which case, and where it is fetched."""

    number: int
    id: UUID
    state: str
    decided: datetime
    city: str
    site: str
    url: str


class Message(Struct, frozen=True, kw_only=True):
    """The body of a delivery."""

    type: str
    timestamp: datetime
    data: Told


def event_of(state: str) -> str:
    """The kind of event that a decision is."""
    return f"case.{state}"


def body_of(case: Untold, public_url: str) -> str:
    """What is told of a decided case.

    Args:
        case: Which.
        public_url: Where the console is reached.
    """
    suffix = "" if case.state == "confirmed" else f"?state={case.state}"
    told = Told(
        number=case.number,
        id=case.id,
        state=case.state,
        decided=case.decided,
        city=case.city,
        site=case.site,
        url=f"{public_url}/api/v1/cases/{case.number}{suffix}",
    )
    message = Message(type=event_of(case.state), timestamp=case.decided, data=told)
    return msgspec.json.encode(message).decode()


def headers_of(secret: bytes, delivery: UUID, at: datetime, body: str) -> dict[str, str]:
    """The headers of a delivery; its id stays the same however often it is tried.

    Args:
        secret: Shared with the receiver.
        delivery: Id of the delivery.
        at: The time of this attempt.
        body: What is sent.
    """
    name, second = f"msg_{delivery.hex}", int(at.timestamp())
    return {
        "content-type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(second),
        "webhook-signature": sign(secret, name, second, body.encode()),
    }


def pause_after(attempts: int, chance: float) -> timedelta | None:
    """How long to wait after a failed attempt.

    Args:
        attempts: How many have failed, this one too.
        chance: In [0, 1): spreads those that failed together; up to a fifth is taken off.

    Returns:
        None when it is not tried again.
    """
    if attempts >= MOST_ATTEMPTS:
        return None
    pause = FIRST_PAUSE * (1 << 2 * min(attempts - 1, 10))
    return min(pause, LONGEST_PAUSE) * (1 - chance / 5)
