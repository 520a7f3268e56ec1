"""Foreign payloads become events: the adapter file put to work on one message at a time.

Pure: values in, values out. Whatever bytes come, the outcome is events or a ``ContractError``;
every event passes ``ioc.decode`` before it leaves, so nothing unchecked gets in this way. Work is
bounded by the size and the depth of a message: expressions come from the installer, who is
trusted, and see a message of at most ``MAX_BYTES`` bytes and ``MAX_DEPTH`` levels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec

from ingest.adapter_config import Adapter, Output, Source, load_adapters
from ioc.clock import from_unix_ms
from ioc.decode import ContractError, Reason, decode
from ioc.events import MAX_EVENT_BYTES, MAX_SEQUENCE, NumberedEnvelope
from ioc.ids import derived_uuid7, unix_ms
from ioc.topics import TopicError, device_path

MAX_BYTES: Final = MAX_EVENT_BYTES
MAX_DEPTH: Final = 32
_EPOCH: Final = from_unix_ms(0)


class MisfitError(Exception):
    """A message does not fit: the field of the adapter, and why."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.detail = detail


class Adapters:
    """All adapters of an installation."""

    def __init__(self, adapters: tuple[Adapter, ...]) -> None:
        self._adapters = adapters

    @classmethod
    def load(cls, path: Path) -> Adapters:
        """Read an adapter file.

        Raises:
            ConfigError: Anything in it is wrong; each line names file, adapter, field and mend.
        """
        return cls(load_adapters(path))

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """The MQTT topic filters to subscribe to."""
        return tuple(adapter.topic.text for adapter in self._adapters)

    def matches(self, topic: str) -> Adapter | None:
        """The adapter of a topic, if one claims it; no two ever do."""
        for adapter in self._adapters:
            if adapter.topic.matches(topic):
                return adapter
        return None

    def translate(self, topic: str, raw: bytes, received: datetime) -> list[NumberedEnvelope]:
        """The events in a message.

        The same message gives the same ids again, so that the database keeps one of two copies;
        except where an output takes the time of reception as the event's time.

        Args:
            topic: MQTT topic it came on.
            raw: Its bytes.
            received: When it came, UTC.

        Returns:
            One event for each output whose condition holds; none when the adapter says that
            other messages are ignored.

        Raises:
            ContractError: The message is no JSON (``oversize``, ``bad_utf8``, ``bad_json``) or does
                not fit its adapter (``adapter``). Its field is ``output.field``.
        """
        adapter = self.matches(topic)
        if adapter is None:
            raise ContractError(Reason.ADAPTER, "$", f"no adapter for topic {topic[:200]!r}")
        message = _parse(raw)
        levels = topic.split("/")
        events = []
        for output in adapter.outputs:
            try:
                if output.when is None or _truth(_search(output.when, message, "when")):
                    events.append(_event(adapter.name, output, message, levels, received))
            except MisfitError as misfit:
                raise ContractError(
                    Reason.ADAPTER,
                    f"{output.name}.{misfit.field}",
                    f"adapter {adapter.name!r}: {misfit.detail}",
                ) from None
        if not events and not adapter.ignore_others:
            names = ", ".join(output.name for output in adapter.outputs)
            raise ContractError(
                Reason.ADAPTER, "$", f"adapter {adapter.name!r}: none of its outputs ({names}) fits"
            )
        return events


def _event(
    adapter: str, output: Output, message: Any, levels: list[str], received: datetime
) -> NumberedEnvelope:
    place = {name: _text(part, message, levels, name) for name, part in output.place.items()}
    try:
        source = device_path(**place).source
    except TopicError as error:
        field = str(error).partition(" ")[0]
        raise MisfitError(field, str(error)[:300]) from None
    at = _time(output, message, received)
    keys = [_key(expression, message) for expression in output.id_key]
    event_id = derived_uuid7(at, adapter, output.name, source, *keys)
    document = {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": output.type,
        "time": at,
        "bootid": derived_uuid7(_EPOCH, adapter, output.name, source),
        "sequence": _sequence(output, message, event_id),
        "adapter": adapter,
        "data": _fill(output.data, message, levels, "data"),
    }
    try:
        event = decode(msgspec.json.encode(document))
    except ContractError as error:
        raise MisfitError(error.field.removeprefix("$."), error.detail) from None
    assert isinstance(event, NumberedEnvelope), "an output's type is always a numbered one"
    return event


def _parse(raw: bytes) -> Any:
    """The JSON in a message, within bounds."""
    if len(raw) > MAX_BYTES:
        raise ContractError(Reason.OVERSIZE, "$", f"{len(raw)} bytes; at most {MAX_BYTES} are read")
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


def _search(expression: Any, message: Any, field: str) -> Any:
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


def _truth(value: Any) -> bool:
    """Truth as JMESPath has it: false, null and everything empty are false, 0 is true."""
    return value is not None and value is not False and value not in ("", [], {})


def _value(source: Source, message: Any, levels: list[str], field: str) -> Any:
    """The value of a source, or None where the message has none and no default is given."""
    table = source.table
    value = (
        levels[source.level] if source.level is not None else _search(source.path, message, field)
    )
    if value is None:
        return table.default
    if table.lower and isinstance(value, str):
        value = value.lower()
    if table.lookup is not None:
        key = _json_text(value)
        if key not in table.lookup:
            known = ", ".join(list(table.lookup)[:10])
            raise MisfitError(field, f"{key[:100]!r} is not in its lookup table, which has {known}")
        value = table.lookup[key]
    if table.scale is not None or table.offset is not None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise MisfitError(field, f"{_json_text(value)[:100]!r} is not a number")
        value = _scaled(value, table.scale, table.offset, field)
    if isinstance(value, float) and not math.isfinite(value):
        raise MisfitError(field, f"{value} is not a finite number")
    return value


def _scaled(value: float, scale: float | None, offset: float | None, field: str) -> float:
    try:
        return float(value) * (1.0 if scale is None else scale) + (offset or 0.0)
    except OverflowError:
        raise MisfitError(field, "the number is too large") from None


def _json_text(value: Any) -> str:
    """Text as it is, everything else as JSON writes it: ``true``, ``2``, ``null``."""
    try:
        return value if isinstance(value, str) else msgspec.json.encode(value).decode()
    except (OverflowError, ValueError, TypeError, RecursionError):
        return repr(type(value))


def _text(part: str | Source, message: Any, levels: list[str], field: str) -> str:
    if isinstance(part, str):
        return part
    value = _value(part, message, levels, field)
    if value is None or isinstance(value, dict | list | bool | float):
        raise MisfitError(field, f"expected text, got {_json_text(value)[:100]}")
    return str(value) if isinstance(value, str) or abs(value) < 10**30 else "number"


def _key(expression: Any, message: Any) -> str:
    value = _search(expression, message, "id_key")
    if value is None:
        raise MisfitError(
            "id_key", f"{expression.expression!r} gives nothing; the id would not be unique"
        )
    return _json_text(value)


def _sequence(output: Output, message: Any, event_id: UUID) -> int:
    """The device's own counter, else a number that only the same message has again."""
    if output.sequence is None:
        return event_id.int & MAX_SEQUENCE
    value = _search(output.sequence, message, "sequence")
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_SEQUENCE:
        raise MisfitError("sequence", f"expected a whole number, got {_json_text(value)[:100]}")
    return value


def _time(output: Output, message: Any, received: datetime) -> datetime:
    """The event's time in UTC, cut to whole milliseconds."""
    table = output.time
    if table.received:
        return from_unix_ms(unix_ms(received))
    value = _search(output.time_path, message, "time")
    try:
        if table.format == "rfc3339":
            at = _rfc3339(value, table.zone)
        elif isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError("expected a number")
        else:
            at = from_unix_ms(int(value * 1000) if table.format == "unix_s" else int(value))
        at = at.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, OSError) as error:
        shown = _json_text(value)[:100]
        raise MisfitError("time", f"{shown!r} is not a time ({table.format}): {error}") from None
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _rfc3339(value: Any, zone: str | None) -> datetime:
    if not isinstance(value, str):
        raise TypeError("expected text")
    at = msgspec.convert(value, datetime)  # ValidationError is a ValueError
    if at.tzinfo is not None:
        return at
    if zone is None:
        raise ValueError("it states no zone; set time.zone in the adapter")
    if zone == "Z":
        return at.replace(tzinfo=UTC)
    hours, minutes = zone[1:].split(":")
    shift = timedelta(hours=int(hours), minutes=int(minutes))
    return at.replace(tzinfo=UTC) - (-shift if zone[0] == "-" else shift)


def _fill(template: Any, message: Any, levels: list[str], field: str) -> Any:
    """A template with its values; what has no value is left out."""
    if isinstance(template, Source):
        return _value(template, message, levels, field)
    if isinstance(template, Mapping):
        filled = {k: _fill(v, message, levels, f"{field}.{k}") for k, v in template.items()}
        return {k: v for k, v in filled.items() if v is not None}
    return template
