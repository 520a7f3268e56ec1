"""Presence: the birth that a device publishes when it connects, and its last will.

Both are ``StatusEvent``s on ``…/status``, retained, so that whoever subscribes later knows too.
They carry no sequence number: the offline one is sent by the broker when the device can not.
Its ``time`` is that of the connect, when the will was made; when the device really went is told
by the time at which the will arrives, ``WILL_DELAY_S`` after the broker missed it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from paho.mqtt.client import Client
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ioc.events import StatusData, StatusEvent, encode
from ioc.ids import uuid7
from ioc.topics import TAIL_OF, DevicePath

STATUS_TAIL: Final = TAIL_OF["vn.ioc.status.v1"]
WILL_DELAY_S: Final = 10
"""A link that comes back within this long does not show on the wall as an outage."""


def status_event(
    path: DevicePath,
    bootid: UUID,
    state: Literal["online", "offline"],
    versions: Mapping[str, str],
    at: datetime,
) -> StatusEvent:
    """A status with an id of its own.

    Args:
        path: The device.
        bootid: This start of it.
        state: What to say.
        versions: Names and versions of the software.
        at: Time of the event.
    """
    return StatusEvent(
        specversion="1.0",
        id=uuid7(at),
        source=path.source,
        time=at,
        bootid=bootid,
        data=StatusData(state=state, versions=dict(versions)),
    )


def set_will(client: Client, path: DevicePath, event: StatusEvent) -> None:
    """Give the broker what to publish when the connection that follows breaks."""
    properties = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]
    properties.WillDelayInterval = WILL_DELAY_S
    client.will_set(
        path.topic(STATUS_TAIL), encode(event), qos=1, retain=True, properties=properties
    )
