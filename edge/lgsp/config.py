"""The adapter's file: which sources are asked, what may be pushed, how an answer is understood.

Everything that can be wrong in it is found when it is loaded, each fault with the key and the mend.
``deploy/lgsp.example.toml`` is one to learn from.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

import jmespath
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from ioc.camera import Id, refuse_repeats
from ioc.errors import ConfigError, describe_validation
from ioc.events import UNITS
from ioc.indicators import PREFIX, indicator_of, indicators
from ioc.toml_file import read_toml
from ioc.topics import DevicePath, device_path

MAX_EXPRESSION: Final = 500
MAX_SOURCES: Final = 32


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _jmespath(expression: str) -> str:
    try:
        jmespath.compile(expression)
    except (ValueError, RecursionError) as error:  # JMESPathError is a ValueError
        raise ValueError(f"not JMESPath: {str(error).splitlines()[0]}") from None
    return expression


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"no address: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment:
        raise ValueError("give an address such as https://lgsp.example.gov.vn/path")
    if parts.username is not None or parts.password is not None:
        raise ValueError("no user or password in an address, where others read it; use oauth")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("figures and tokens would travel in the clear; use https://")
    return text


def _beside(path: Path, info: ValidationInfo) -> Path:
    """A relative path counts from the folder of the adapter's file."""
    folder: Path = info.context["folder"] if info.context else Path()
    return folder / path


Expression = Annotated[
    str, Field(min_length=1, max_length=MAX_EXPRESSION), AfterValidator(_jmespath)
]
Url = Annotated[str, Field(max_length=2000), AfterValidator(_url)]
File = Annotated[Path, AfterValidator(_beside)]
Decimal = Literal[",", "."]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class TimeTable(_Table):
    """Where a value's time comes from: the time at which the province worked it out."""

    path: Expression | None = Field(None, description="JMESPath into the item.")
    answer_path: Expression | None = Field(None, description="JMESPath into the whole answer.")
    received: bool = Field(
        False, description="The time it came in here, for a source that tells no time at all."
    )
    format: Literal["rfc3339", "unix_s", "unix_ms", "date", "dmy"] = Field(
        "rfc3339", description="How it is told; date is 2025-11-21, dmy is 21/11/2025 [08:30[:15]]."
    )
    zone: str = Field(
        "+07:00", pattern=r"^(Z|[+-]\d\d:\d\d)$", description="Of a time that states none."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = (self.path is not None) + (self.answer_path is not None) + self.received
        if given != 1:
            raise ValueError("give one of path, answer_path and received = true")
        return self


class ValueTable(_Table):
    """One quantity, and where its value stands."""

    quantity: str = Field(pattern=r"^[a-z][a-z0-9_.]*$", max_length=64)
    path: Expression = Field(description="JMESPath into the item: a number, or text with one.")
    each: Expression | None = Field(None, description="JMESPath of the list of items.")
    when: Expression | None = Field(None, description="JMESPath; items of which it is true.")
    unit: str | None = Field(
        None, min_length=1, max_length=32, description="UCUM; that of the catalogue if left out."
    )
    scale: float | None = Field(None, description="A value is multiplied with this.")
    decimal: Decimal | None = None
    time: TimeTable | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        known = indicator_of(self.quantity)
        if known is None and self.quantity.startswith(PREFIX):
            names = [one.quantity for one in indicators()]
            near = get_close_matches(self.quantity, names, n=1)
            mend = f"did you mean {near[0]!r}?" if near else f"they are {', '.join(names)}"
            raise ValueError(f"{self.quantity!r} is not in ioc/indicators.toml; {mend}")
        expected = UNITS.get(self.quantity) if known is None else known.unit
        if expected is None and self.unit is None:
            raise ValueError(f"unit: missing; add the UCUM unit of {self.quantity!r}")
        if None not in (expected, self.unit) and self.unit != expected:
            raise ValueError(
                f"{self.quantity} is measured in {expected!r}, not {self.unit!r}; "
                "convert with scale"
            )
        return self

    @property
    def ucum(self) -> str:
        """The unit of the reading."""
        known = indicator_of(self.quantity)
        unit = known.unit if known is not None else self.unit or UNITS.get(self.quantity)
        assert unit is not None, "refused when it was loaded"
        return unit


class MappingTable(_Table):
    """How an answer becomes readings."""

    each: Expression | None = Field(
        None, description="JMESPath of the list of items; left out, the answer is the one item."
    )
    decimal: Decimal = Field(",", description="The decimal sign of numbers that are text.")
    missing: Annotated[tuple[Annotated[str, Field(max_length=40)], ...], Field(max_length=20)] = (
        *("", "-", "–", "—", "N/A", "n/a", "null", "không có"),
    )
    time: TimeTable | None = None
    value: Annotated[tuple[ValueTable, ...], Field(min_length=1, max_length=64)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        for value in self.value:
            if value.time is None and self.time is None:
                raise ValueError(f"{value.quantity}: time: missing; add it here or for all values")
        return self


class OAuthTable(_Table):
    """The client credentials grant (RFC 6749, section 4.4)."""

    token_url: Url
    client_id: str = Field(min_length=1, max_length=500)
    client_secret_file: File
    scope: str | None = Field(None, min_length=1, max_length=1000)
    auth: Literal["basic", "post"] = Field(
        "basic", description="Where the secret goes: the Authorization header, or the form."
    )


class SourceTable(_Table):
    """A service of the platform that is asked again and again."""

    name: Id = Field(description="Stands in logs and metrics.")
    url: Url
    interval_s: float = Field(900, ge=10, le=7 * 86_400, description="Between two questions.")
    timeout_s: float = Field(30, ge=1, le=300, description="Longest wait for a whole answer.")
    max_kb: int = Field(1024, ge=1, le=16_384, description="Largest answer, KiB.")
    ca_file: File | None = Field(None, description="CA certificate; left out, the system's.")
    cert_file: File | None = Field(None, description="Our certificate, for mutual TLS.")
    key_file: File | None = Field(None, description="Its private key.")
    oauth: OAuthTable | None = None
    mapping: MappingTable


class PushTable(_Table):
    """The webhook that the platform posts to."""

    host: str = Field("127.0.0.1", min_length=1, max_length=255)
    port: int = Field(ge=1, le=65_535)
    path: str = Field("/lgsp", pattern=r"^/[A-Za-z0-9._~/-]{0,200}$")
    secret_file: File = Field(description="One shared secret a line; any of them may sign.")
    cert_file: File | None = Field(None, description="This server's certificate, with its chain.")
    key_file: File | None = Field(None, description="Its private key.")
    client_ca_file: File | None = Field(None, description="Only clients of this CA get in.")
    max_kb: int = Field(256, ge=1, le=16_384, description="Largest message, KiB.")
    per_minute: int = Field(60, ge=1, le=6000, description="Messages taken a minute.")
    tolerance_s: float = Field(
        300, ge=10, le=3600, description="How far the sender's clock may be from ours."
    )
    mapping: MappingTable

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file: set both or neither")
        if self.cert_file is None and self.client_ca_file is not None:
            raise ValueError("client_ca_file: needs cert_file and key_file; it is part of TLS")
        if self.cert_file is None and not is_loopback(self.host):
            raise ValueError(
                f"host: {self.host} is reached from outside, and messages would travel in the "
                "clear; add cert_file and key_file, or listen on 127.0.0.1 behind a proxy"
            )
        return self


class LgspConfig(_Table):
    """One adapter: the device that it is, and where its figures come from."""

    city: Id
    site: Id
    device: Id = "lgsp"
    source: Annotated[tuple[SourceTable, ...], Field(max_length=MAX_SOURCES)] = ()
    push: PushTable | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.source and self.push is None:
            raise ValueError("nothing to do; add a [[source]] or [push]")
        refuse_repeats("source names", [one.name for one in self.source])
        return self

    @property
    def path(self) -> DevicePath:
        """The device that the adapter is."""
        return device_path(self.city, self.site, self.device)


def load_config(path: Path) -> LgspConfig:
    """Read and check an adapter's file.

    Raises:
        ConfigError: It cannot be read, breaks the schema, or names a secret that is none; each
            fault is one line.
    """
    content = read_toml(path, "an LGSP adapter's file")
    try:
        config = LgspConfig.model_validate(content, context={"folder": path.parent})
    except ValidationError as error:
        raise ConfigError(describe_validation(str(path), error, LgspConfig)) from None
    for key, file in _secrets(config):
        read_secret(f"{path}: {key}", file)
    return config


def read_secret(where: str, file: Path) -> str:
    """The content of a secret's file, without white space at its ends.

    Raises:
        ConfigError: It cannot be read or is empty.
    """
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ConfigError(f"{where}: {file}: {why}; give a file with the secret in it") from None
    if not secret:
        raise ConfigError(f"{where}: {file}: empty; put the secret in it")
    return secret


def _secrets(config: LgspConfig) -> Iterator[tuple[str, Path]]:
    for source in config.source:
        if source.oauth is not None:
            yield f"source.{source.name}.oauth.client_secret_file", source.oauth.client_secret_file
    if config.push is not None:
        yield "push.secret_file", config.push.secret_file
