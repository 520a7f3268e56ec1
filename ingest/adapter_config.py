"""The adapter file: how a foreign device's messages are read, written down without code.

A TOML file of ``[[adapter]]`` tables; ``deploy/adapters/`` holds two to learn from. Everything
that can be wrong is found when the file is loaded, all of it at once, with the file, the adapter,
the field and the mend; only what depends on the message itself is left for later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args, get_origin

import jmespath
import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ingest.topic_filter import TopicFilter
from ioc.errors import ConfigError, describe_validation
from ioc.events import EVENT_OF_PAYLOAD, UNITS, type_of
from ioc.toml_file import read_toml
from ioc.topics import SUBSCRIPTIONS, TYPE_PREFIX

MAX_EXPRESSION: Final = 500
NAME = r"^[a-z0-9][a-z0-9_-]{0,62}$"
PAYLOADS: Final = {
    type_of(event).removeprefix(TYPE_PREFIX).split(".")[0]: payload
    for payload, event in EVENT_OF_PAYLOAD.items()
}
"""Short name of an event type, such as ``reading`` → its payload."""

Scalar = str | int | float | bool


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class SourceTable(_Table):
    """Where one value comes from, and what is done to it on the way."""

    path: str | None = Field(None, description="JMESPath into the message.")
    segment: str | None = Field(None, description="Name from the adapter's `segments`.")
    default: Scalar | None = Field(None, description="Taken when there is no value.")
    lookup: dict[str, Scalar] | None = Field(
        None, description="The value, as JSON writes it → the one of ours; others do not fit."
    )
    scale: float | None = Field(None, description="A number is multiplied with this, then")
    offset: float | None = Field(None, description="this is added.")
    lower: bool = Field(False, description="Turn text into lower case.")


class TimeTable(_Table):
    """Where an event's time comes from."""

    path: str | None = Field(None, description="JMESPath into the message.")
    received: bool = Field(
        False,
        description="The time it came in here. A message that the network delivers twice then "
        "counts twice, so only for devices that send no time.",
    )
    format: Literal["rfc3339", "unix_s", "unix_ms"] = Field(
        "rfc3339", description="How it is told."
    )
    zone: str | None = Field(
        None,
        pattern=r"^(Z|[+-]\d\d:\d\d)$",
        description="Offset of an RFC 3339 time that states none, such as +07:00.",
    )


class OutputTable(_Table):
    """One event that a message may become."""

    name: str = Field(pattern=NAME, description="Part of the event's id: never rename one.")
    type: Literal["violation", "flow", "reading", "signal", "health"]
    when: str | None = Field(None, description="JMESPath; the event is made only when it is true.")
    city: Any
    site: Any
    device: Any
    time: TimeTable
    id_key: Annotated[tuple[str, ...], Field(min_length=1, max_length=8, strict=False)] = Field(
        description="JMESPaths whose values together make the message unique."
    )
    sequence: str | None = Field(
        None, description="JMESPath of a counter that never starts again; may be left out."
    )
    data: dict[str, Any] = Field(description="The payload, field by field.")


class AdapterTable(_Table):
    """How the messages of one kind of topic are read."""

    name: str = Field(pattern=NAME, description="Stands in every event that it makes.")
    topic: str = Field(min_length=1, max_length=1000, description="MQTT topic filter.")
    segments: dict[str, int] = Field(
        {}, description="Names of topic levels, counted from 0; negative from the end."
    )
    otherwise: Literal["set_aside", "ignore"] = Field(
        "set_aside", description="What becomes of a message that no output takes."
    )
    output: Annotated[tuple[OutputTable, ...], Field(min_length=1, max_length=32, strict=False)]


@dataclass(frozen=True, slots=True)
class Source:
    """A compiled ``SourceTable``; exactly one of ``path`` and ``level`` is set."""

    path: Any
    level: int | None
    table: SourceTable


Template = Any
"""A payload to be filled in: scalars, ``Source``s, and dicts and lists of them."""


@dataclass(frozen=True, slots=True)
class Output:
    """A compiled ``OutputTable``."""

    name: str
    type: str
    when: Any
    place: Mapping[str, str | Source]
    time: TimeTable
    time_path: Any
    id_key: tuple[Any, ...]
    sequence: Any
    data: Mapping[str, Template]


@dataclass(frozen=True, slots=True)
class Adapter:
    """A compiled ``AdapterTable``."""

    name: str
    topic: TopicFilter
    ignore_others: bool
    outputs: tuple[Output, ...]


def load_adapters(path: Path) -> tuple[Adapter, ...]:
    """Read and compile an adapter file.

    Raises:
        ConfigError: Anything in it is wrong; one line for each fault.
    """
    content = read_toml(path, "an adapter file")
    tables = content.get("adapter")
    if set(content) != {"adapter"} or not isinstance(tables, list) or not tables:
        raise ConfigError(f"{path}: expected [[adapter]] tables and nothing else at the top level")
    faults: list[str] = []
    adapters = []
    for index, table in enumerate(tables):
        name = table.get("name", index) if isinstance(table, dict) else index
        compiler = _Compiler(f"{path}: adapter {name!r}", faults)
        adapter = compiler.adapter(table)
        if adapter is not None:
            adapters.append(adapter)
    if not faults:
        faults += _quarrels(path, adapters)
    if faults:
        raise ConfigError("\n".join(faults))
    return tuple(adapters)


def _quarrels(path: Path, adapters: list[Adapter]) -> list[str]:
    """Names and topics that two adapters claim, or that are ours."""
    faults = []
    for index, adapter in enumerate(adapters):
        where = f"{path}: adapter {adapter.name!r}"
        for own in SUBSCRIPTIONS:
            if adapter.topic.overlaps(TopicFilter.parse(own)):
                faults.append(f"{where}: topic: would take our own devices' {own!r}; narrow it")
        for other in adapters[:index]:
            if other.name == adapter.name:
                faults.append(f"{where}: name: another adapter has it; choose another name")
            elif other.topic.overlaps(adapter.topic):
                faults.append(
                    f"{where}: topic: some topics also match adapter {other.name!r}; "
                    "narrow one, or make it one adapter with several outputs"
                )
    return faults


class _Compiler:
    """Turns one adapter's table into values, and notes every fault with its place."""

    def __init__(self, where: str, faults: list[str]) -> None:
        self._where = where
        self._faults = faults
        self._segments: dict[str, int] = {}

    def adapter(self, table: Any) -> Adapter | None:
        before = len(self._faults)
        try:
            checked = AdapterTable.model_validate(table)
        except ValidationError as error:
            self._faults.append(describe_validation(self._where, error, AdapterTable))
            return None
        self._segments = checked.segments
        try:
            topic = TopicFilter.parse(checked.topic)
        except ValueError as error:
            self._fault("topic", str(error))
            return None
        for name, level in checked.segments.items():
            if not topic.has_level(level):
                self._fault(f"segments.{name}", f"{checked.topic!r} has no level {level}")
        names = [output.name for output in checked.output]
        if len(set(names)) < len(names):
            self._fault("output", "two outputs have the same name; names must differ")
        outputs = tuple(self._output(output) for output in checked.output)
        if len(self._faults) > before:
            return None
        return Adapter(checked.name, topic, checked.otherwise == "ignore", outputs)

    def _output(self, table: OutputTable) -> Output:
        at = f"output {table.name!r}"
        if (table.time.path is None) is not table.time.received:
            self._fault(f"{at}: time", "give either path or received = true")
        payload = PAYLOADS[table.type]
        if table.type == "reading":
            self._unit(at, table.data)
        return Output(
            name=table.name,
            type=type_of(EVENT_OF_PAYLOAD[payload]),
            when=self._path(f"{at}: when", table.when),
            place={
                part: self._text(f"{at}: {part}", getattr(table, part))
                for part in ("city", "site", "device")
            },
            time=table.time,
            time_path=self._path(f"{at}: time.path", table.time.path),
            id_key=tuple(self._path(f"{at}: id_key", key) for key in table.id_key),
            sequence=self._path(f"{at}: sequence", table.sequence),
            data=self._struct(f"{at}: data", table.data, payload),
        )

    def _fault(self, field: str, message: str) -> None:
        self._faults.append(f"{self._where}: {field}: {' '.join(message.split())}")

    def _path(self, field: str, expression: str | None) -> Any:
        if expression is None:
            return None
        if len(expression) > MAX_EXPRESSION:
            self._fault(field, f"longer than {MAX_EXPRESSION} characters; write a shorter JMESPath")
            return None
        try:
            return jmespath.compile(expression)
        except (ValueError, RecursionError) as error:  # JMESPathError is a ValueError
            self._fault(field, f"{expression!r} is not JMESPath: {str(error).splitlines()[0]}")
            return None

    def _text(self, field: str, value: Any) -> str | Source:
        if isinstance(value, dict):
            return self._source(field, value)
        if not isinstance(value, str):
            self._fault(field, 'expected text, { path = "…" } or { segment = "…" }')
        return str(value)

    def _source(self, field: str, value: dict[str, Any]) -> Source:
        empty = Source(None, None, SourceTable.model_construct())
        try:
            table = SourceTable.model_validate(value)
        except ValidationError as error:
            self._faults.append(describe_validation(f"{self._where}: {field}", error, SourceTable))
            return empty
        if (table.path is None) == (table.segment is None):
            self._fault(field, "give either path or segment")
            return empty
        if table.segment is not None and table.segment not in self._segments:
            known = ", ".join(self._segments) or "none"
            self._fault(field, f"no segment {table.segment!r}; the adapter's segments are {known}")
            return empty
        level = None if table.segment is None else self._segments[table.segment]
        return Source(self._path(f"{field}.path", table.path), level, table)

    def _struct(self, field: str, value: dict[str, Any], struct: Any) -> dict[str, Template]:
        known = {each.name: each for each in msgspec.structs.fields(struct)}
        for name in value:
            if name not in known:
                near = get_close_matches(name, known, n=1)
                mend = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
                self._fault(f"{field}.{name}", f"no such field; {mend}")
        for name, each in known.items():
            if each.required and name not in value:
                self._fault(f"{field}.{name}", "missing; add it")
        return {
            name: self._template(f"{field}.{name}", part, known[name].type)
            for name, part in value.items()
            if name in known
        }

    def _template(self, field: str, value: Any, kind: Any) -> Template:
        """A template for a value of type ``kind``; literals are checked against it now."""
        if isinstance(value, dict) and not _is_plain(value):
            return self._source(field, value)
        struct = _struct_in(kind)
        if isinstance(value, dict) and struct is not None:
            return self._struct(field, value, struct)
        if isinstance(value, dict):
            key_kind, inner = _item_types(kind)
            if inner is not None:
                for key in value:
                    self._literal(f"{field}.{key}", key, key_kind)
                return {k: self._template(f"{field}.{k}", v, inner) for k, v in value.items()}
        self._literal(field, value, kind)
        return value

    def _literal(self, field: str, value: Any, kind: Any) -> None:
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            self._fault(field, str(error))

    def _unit(self, at: str, data: dict[str, Any]) -> None:
        quantity, unit = data.get("quantity"), data.get("unit")
        expected = UNITS.get(quantity) if isinstance(quantity, str) else None
        if expected is not None and isinstance(unit, str) and unit != expected:
            self._fault(
                f"{at}: data.unit",
                f"{quantity} is measured in {expected!r}, not {unit!r}; convert with scale",
            )


def _is_plain(value: dict[str, Any]) -> bool:
    """Whether a table is a part of the payload, not a source: it has no key of a source."""
    return not set(value) & set(SourceTable.model_fields)


def _struct_in(kind: Any) -> Any:
    """The struct among the members of a type such as ``Plate | None``."""
    for each in (kind, *get_args(kind)):
        if isinstance(each, type) and issubclass(each, msgspec.Struct):
            return each
    return None


def _item_types(kind: Any) -> tuple[Any, Any]:
    """The types of the keys and the values of a dict type, else None twice."""
    for each in (kind, *get_args(kind)):
        if get_origin(each) is dict:
            key, value = get_args(each)
            return key, value
    return None, None
