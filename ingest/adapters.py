"""Foreign payloads become events: the adapter file put to work on one message at a time.

Pure: values in, values out. Whatever bytes come, the outcome is events or a ``ContractError``;
every event passes ``ioc.decode`` before it leaves, so nothing unchecked gets in this way. Work is
bounded by the size and the depth of a message: expressions come from the installer, who is
trusted, and see a message of at most ``MAX_BYTES`` bytes and 32 levels (``ioc.foreign_json``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec

from ingest.adapter_config import Adapter, Output, Source, load_adapters
from ioc.clock import from_unix_ms
from ioc.decode import ContractError, Reason, decode
from ioc.events import MAX_EVENT_BYTES, MAX_SEQUENCE, NumberedEnvelope
from ioc.foreign_json import MisfitError, instant, json_text, parse, search, truth
from ioc.ids import derived_uuid7, unix_ms
from ioc.topics import TopicError, device_path

MAX_BYTES: Final = MAX_EVENT_BYTES
_EPOCH: Final = from_unix_ms(0)


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
        message = parse(raw, MAX_BYTES)
        levels = topic.split("/")
        events = []
        for output in adapter.outputs:
            try:
                if output.when is None or truth(search(output.when, message, "when")):
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


def _value(source: Source, message: Any, levels: list[str], field: str) -> Any:
    """The value of a source, or None where the message has none and no default is given."""
    table = source.table
    value = (
        levels[source.level] if source.level is not None else search(source.path, message, field)
    )
    if value is None:
        return table.default
    if table.lower and isinstance(value, str):
        value = value.lower()
    if table.lookup is not None:
        key = json_text(value)
        if key not in table.lookup:
            known = ", ".join(list(table.lookup)[:10])
            raise MisfitError(field, f"{key[:100]!r} is not in its lookup table, which has {known}")
        value = table.lookup[key]
    if table.scale is not None or table.offset is not None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise MisfitError(field, f"{json_text(value)[:100]!r} is not a number")
        value = _scaled(value, table.scale, table.offset, field)
    if isinstance(value, float) and not math.isfinite(value):
        raise MisfitError(field, f"{value} is not a finite number")
    return value


def _scaled(value: float, scale: float | None, offset: float | None, field: str) -> float:
    try:
        return float(value) * (1.0 if scale is None else scale) + (offset or 0.0)
    except OverflowError:
        raise MisfitError(field, "the number is too large") from None


def _text(part: str | Source, message: Any, levels: list[str], field: str) -> str:
    if isinstance(part, str):
        return part
    value = _value(part, message, levels, field)
    if value is None or isinstance(value, dict | list | bool | float):
        raise MisfitError(field, f"expected text, got {json_text(value)[:100]}")
    return str(value) if isinstance(value, str) or abs(value) < 10**30 else "number"


def _key(expression: Any, message: Any) -> str:
    value = search(expression, message, "id_key")
    if value is None:
        raise MisfitError(
            "id_key", f"{expression.expression!r} gives nothing; the id would not be unique"
        )
    return json_text(value)


def _sequence(output: Output, message: Any, event_id: UUID) -> int:
    """The device's own counter, else a number that only the same message has again."""
    if output.sequence is None:
        return event_id.int & MAX_SEQUENCE
    value = search(output.sequence, message, "sequence")
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_SEQUENCE:
        raise MisfitError("sequence", f"expected a whole number, got {json_text(value)[:100]}")
    return value


def _time(output: Output, message: Any, received: datetime) -> datetime:
    """The event's time in UTC, cut to whole milliseconds."""
    table = output.time
    if table.received:
        return from_unix_ms(unix_ms(received))
    return instant(search(output.time_path, message, "time"), table.format, table.zone)


def _fill(template: Any, message: Any, levels: list[str], field: str) -> Any:
    """A template with its values; what has no value is left out."""
    if isinstance(template, Source):
        return _value(template, message, levels, field)
    if isinstance(template, Mapping):
        filled = {k: _fill(v, message, levels, f"{field}.{k}") for k, v in template.items()}
        return {k: v for k, v in filled.items() if v is not None}
    return template
