"""Settings of the watcher, which writes down how the core itself is doing."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from ioc.section import Section

_NAME: Final = r"^[a-z0-9][a-z0-9._-]{0,62}$"
_ADDRESS: Final = re.compile(r"(?:[^\s/:\[\]]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})")

RESERVED: Final = ("database", "kafka")
"""Parts that the watcher knows without being told."""

Name = Annotated[str, StringConstraints(pattern=_NAME)]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$", max_length=500)]


def host_name() -> str:
    """This machine's name, as far as it may stand in a figure."""
    name = re.sub(r"[^a-z0-9._-]+", "-", socket.gethostname().lower()).strip("-._")[:63]
    return name or "host"


def address_of(place: str) -> tuple[str, int] | None:
    """``host:port`` as a host and a port; None for anything else, which is a path then."""
    found = _ADDRESS.fullmatch(place)
    if found is None or not 1 <= int(found[1]) <= 65535:
        return None
    return place[: found.start(1) - 1].strip("[]"), int(found[1])


class WatchSettings(Section):
    """What ``ioc watch run`` looks at, one on each machine of the core."""

    name: Name = Field(
        default_factory=host_name, description="This machine, in the figures; its host name."
    )
    interval_s: float = Field(15, ge=1, le=300, description="Seconds between two looks.")
    timeout_s: float = Field(
        5, gt=0, le=60, description="Longest wait for one thing that is looked at, seconds."
    )
    parts: dict[Name, Url] = Field(
        {},
        max_length=100,
        description="Part → its /metrics page, or a page that answers 200 when the part is well.",
    )
    folders: dict[Name, Path] = Field(
        {}, max_length=50, description="Name → a folder on the disk that is watched."
    )
    certificates: dict[Name, str] = Field(
        {}, max_length=100, description="Name → a PEM file, or host:port of a server with TLS."
    )
    ca_file: Path | None = Field(
        None, description="CA certificate of pages with https://; left out, those of the system."
    )
    kafka: bool = Field(True, description="Look at the lag in Kafka; one machine is enough.")
    keep_minutes: float = Field(
        30, gt=0, le=1440, description="Figures are kept so long while the database is away."
    )

    @field_validator("parts")
    @classmethod
    def _parts(cls, value: dict[str, str]) -> dict[str, str]:
        for name in RESERVED:
            if name in value:
                raise ValueError(f"{name}: is watched by itself; give the part another name")
        return value

    @field_validator("certificates")
    @classmethod
    def _places(cls, value: dict[str, str]) -> dict[str, str]:
        for name, place in value.items():
            if not place.strip() or "\0" in place:
                raise ValueError(f"{name}: give a PEM file or host:port")
            if "/" not in place and ":" in place and address_of(place) is None:
                raise ValueError(f"{name}: {place[:80]!r} is no host:port and no file")
        return value

    @model_validator(mode="after")
    def _in_time(self) -> Self:
        if self.timeout_s > self.interval_s:
            raise ValueError(
                f"timeout_s {self.timeout_s:g} is longer than interval_s {self.interval_s:g}; "
                "a look must end before the next begins: lower timeout_s"
            )
        return self
