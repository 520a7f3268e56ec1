"""Which of a device's status messages speaks of now. Pure.

A last will is written when the device connects and sent when the connection dies, so it carries a
time before all that the device said in between. By its time alone it would never count, and the
device would seem online for ever. Yet an old will that comes late, after the device is back, must
not count. So a will ends the connection whose birth is the first one at or after the will's time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from ioc.events import StatusEvent


@dataclass(frozen=True, slots=True)
class DeviceState:
    """What is known of a device's connection.

    Attributes:
        time: Event time of the birth, or of a goodbye that came after it.
    """

    state: Literal["online", "offline"]
    bootid: UUID
    versions: dict[str, str]
    time: datetime


def next_state(
    current: DeviceState | None, event: StatusEvent, births: Iterable[datetime]
) -> DeviceState:
    """The state after a status message that was not seen before.

    Args:
        current: The state so far, None when nothing was heard yet.
        event: The message.
        births: Event times of the births that are known of the message's boot.

    Returns:
        The new state, or ``current`` when the message speaks of the past.
    """
    state = event.data.state
    if current is None or event.time > current.time:
        keep = current is not None and state == "offline" and not event.data.versions
        versions = current.versions if keep and current is not None else event.data.versions
        return DeviceState(state, event.bootid, versions, event.time)
    if (
        state == "offline"
        and current.state == "online"
        and event.bootid == current.bootid
        and not any(event.time <= birth < current.time for birth in births)
    ):
        return DeviceState("offline", current.bootid, current.versions, current.time)
    return current
