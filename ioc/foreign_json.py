"""JSON of others, read within bounds: parsed, searched by JMESPath, its times understood.

Pure: values in, values out. Expressions come from the installer, who is trusted; what they are put
to is not, so size and depth are bounded first, and whatever an expression does to an odd value ends
as a ``MisfitError``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from ioc.clock import from_unix_ms
from ioc.decode import ContractError, Reason

MAX_DEPTH: Final = 32
TimeFormat = Literal["rfc3339", "unix_s", "unix_ms"]


class MisfitError(Exception):
    """A message does not fit: the field of the configuration, and why."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.detail = detail


def parse(raw: bytes, most_bytes: int) -> Any:
    """The JSON in a message.

    Raises:
        ContractError: It is too large, no UTF-8, no JSON, or nested deeper than ``MAX_DEPTH``.
    """
    if len(raw) > most_bytes:
        raise ContractError(
            Reason.OVERSIZE, "$", f"{len(raw)} bytes; at most {most_bytes} are read"
        )
    try:
        raw.decode("utf-8")
        message = msgspec.json.decode(raw)
    except UnicodeDecodeError as error:
        detail = f"byte {error.start} is not UTF-8: {error.reason}"
        raise ContractError(Reason.BAD_UTF8, "$", detail) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise ContractError(Reason.BAD_JSON, "$", str(error)) from None
    layer = [message]
    for _ in range(MAX_DEPTH):
        layer = [child for node in layer for child in _children(node)]
        if not layer:
            return message
    raise ContractError(Reason.ADAPTER, "$", f"nested deeper than {MAX_DEPTH} levels")


def _children(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []


def search(expression: Any, message: Any, field: str) -> Any:
    """What a compiled JMESPath finds in a message; None for nothing.

    Raises:
        MisfitError: A function of it does not fit the value.
    """
    try:
        return expression.search(message)
    except (
        ValueError,  # JMESPathError is one; the others are slips of its functions on odd values
        TypeError,
        AttributeError,
        ArithmeticError,
        LookupError,
        RecursionError,
    ) as error:
        raise MisfitError(field, f"{' '.join(str(error).split())[:300]}") from None


def truth(value: Any) -> bool:
    """Truth as JMESPath has it: false, null and everything empty are false, 0 is true."""
    return value is not None and value is not False and value not in ("", [], {})


def json_text(value: Any) -> str:
    """Text as it is, everything else as JSON writes it: ``true``, ``2``, ``null``."""
    try:
        return value if isinstance(value, str) else msgspec.json.encode(value).decode()
    except (OverflowError, ValueError, TypeError, RecursionError):
        return repr(type(value))


def instant(value: Any, form: TimeFormat, zone: str | None) -> datetime:
    """The instant that a value tells, in UTC, cut to whole milliseconds.

    Args:
        value: From the message.
        form: How it is told.
        zone: Offset of an RFC 3339 time that states none.

    Raises:
        MisfitError: It tells none; the field is ``time``.
    """
    try:
        if form == "rfc3339":
            at = _rfc3339(value, zone)
        elif isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError("expected a number")
        else:
            at = from_unix_ms(int(value * 1000) if form == "unix_s" else int(value))
        at = at.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, OSError) as error:
        shown = json_text(value)[:100]
        raise MisfitError("time", f"{shown!r} is not a time ({form}): {error}") from None
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def offset_of(zone: str) -> timedelta:
    """How far a zone such as ``+07:00`` or ``Z`` is ahead of UTC."""
    if zone == "Z":
        return timedelta()
    hours, minutes = zone[1:].split(":")
    shift = timedelta(hours=int(hours), minutes=int(minutes))
    return -shift if zone[0] == "-" else shift


def _rfc3339(value: Any, zone: str | None) -> datetime:
    if not isinstance(value, str):
        raise TypeError("expected text")
    at = msgspec.convert(value, datetime)  # ValidationError is a ValueError
    if at.tzinfo is not None:
        return at
    if zone is None:
        raise ValueError("it states no zone; set time.zone in the adapter")
    return at.replace(tzinfo=UTC) - offset_of(zone)
