"""What an answer of the platform says: pure, from its bytes to values, faults and gaps.

A value that cannot be understood is a fault of its own; the others go on. Whatever the bytes are,
the outcome is a ``Found`` or one ``ContractError`` that says why nothing in them can be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import jmespath

from edge.lgsp.config import MappingTable, TimeTable, ValueTable
from edge.lgsp.numbers import is_missing, local_date, number_of
from ioc.clock import from_unix_ms
from ioc.foreign_json import MisfitError, instant, json_text, parse, search, truth
from ioc.ids import unix_ms
from ioc.indicators import indicator_of

MAX_ITEMS: Final = 1000
MAX_FAULTS: Final = 100
MAX_VALUE: Final = 1e12
"""What the contract allows for a reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One figure.

    Attributes:
        quantity: Which.
        value: In ``unit``.
        unit: UCUM.
        time: When it was worked out, UTC, whole milliseconds.
    """

    quantity: str
    value: float
    unit: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in an answer that cannot be understood.

    Attributes:
        field: Quantity and part of it, such as ``gov.satisfaction.value``.
        detail: What is wrong.
    """

    field: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What an answer says.

    Attributes:
        values: What can be told, in the order of the mapping.
        faults: What cannot, at most ``MAX_FAULTS``.
        missing: Quantities that the answer has no value of.
        early: Whether a fault is a time that lies ahead: the same answer may be right later.
    """

    values: tuple[Value, ...] = ()
    faults: tuple[Fault, ...] = ()
    missing: tuple[str, ...] = ()
    early: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """Which times are believable, as the core judges them (``ingest`` settings)."""

    past: timedelta
    future: timedelta


class _EarlyError(MisfitError):
    """A time that lies ahead."""


class Translation:
    """A mapping, compiled.

    Args:
        table: The mapping of the adapter's file.
        window: Which times the core will take.

    Attributes:
        stamps: Whether a value takes the time at which it came, so that the same answer says
            something new each time.
    """

    def __init__(self, table: MappingTable, window: Window) -> None:
        self._missing = table.missing
        self._window = window
        self._rules = [_Rule(value, table) for value in table.value]
        self.stamps = any(rule.time.received for rule in self._rules)

    def read(self, raw: bytes, received: datetime, most_bytes: int) -> Found:
        """What an answer says.

        Args:
            raw: Its body.
            received: When it came, UTC.
            most_bytes: A larger one is refused.

        Raises:
            ContractError: It is no JSON, or beyond the bounds.
        """
        answer = parse(raw, most_bytes)
        values: dict[tuple[str, datetime], Value] = {}
        faults: list[Fault] = []
        missing: list[str] = []
        early = False
        for rule in self._rules:
            found = False
            for outcome in self._said(rule, answer, received):
                if isinstance(outcome, MisfitError):
                    found = True
                    early = early or isinstance(outcome, _EarlyError)
                    faults.append(Fault(f"{rule.table.quantity}.{outcome.field}", outcome.detail))
                    continue
                found = True
                first = values.setdefault((outcome.quantity, outcome.time), outcome)
                if first != outcome:
                    faults.append(_contradiction(first, outcome))
            if not found and rule.table.quantity not in missing:
                missing.append(rule.table.quantity)
        told = {quantity for quantity, _ in values}
        return Found(
            values=tuple(values.values()),
            faults=tuple(_bounded(faults)),
            missing=tuple(name for name in missing if name not in told),
            early=early,
        )

    def _said(self, rule: _Rule, answer: Any, received: datetime) -> Iterator[Value | MisfitError]:
        try:
            items = rule.items(answer)
        except MisfitError as misfit:
            yield misfit
            return
        for number, item in enumerate(items):
            try:
                value = self._value(rule, item, answer, received)
            except MisfitError as misfit:
                if rule.each is not None:
                    misfit.detail = f"item {number}: {misfit.detail}"
                yield misfit
                continue
            if value is not None:
                yield value

    def _value(self, rule: _Rule, item: Any, answer: Any, received: datetime) -> Value | None:
        if rule.when is not None and not truth(search(rule.when, item, "when")):
            return None
        told = search(rule.path, item, "value")
        if is_missing(told, self._missing):
            return None
        number = number_of(
            told, decimal=rule.decimal, percent=rule.unit == "%", scale=rule.table.scale
        )
        if not rule.low <= number <= rule.high:
            bounds = f"{rule.low:g} to {rule.high:g}"
            raise MisfitError(
                "value", f"{json_text(told)[:80]} gives {number:g} {rule.unit}, not {bounds}"
            )
        at = self._time(rule, item, answer, received)
        return Value(quantity=rule.table.quantity, value=number, unit=rule.unit, time=at)

    def _time(self, rule: _Rule, item: Any, answer: Any, received: datetime) -> datetime:
        table = rule.time
        if table.received:
            return from_unix_ms(unix_ms(received))
        source = item if table.path is not None else answer
        told = search(rule.time_path, source, "time")
        if table.format == "date" or table.format == "dmy":
            at = local_date(told, table.format, table.zone)
        else:
            at = instant(told, table.format, table.zone)
        if at > received + self._window.future:
            minutes = self._window.future / timedelta(minutes=1)
            raise _EarlyError("time", f"{at.isoformat()} is more than {minutes:g} minutes ahead")
        if at < received - self._window.past:
            days = self._window.past / timedelta(days=1)
            raise MisfitError(
                "time",
                f"{at.isoformat()} is more than {days:g} days ago, and the core would set it "
                "aside; take the time at which the figure was worked out, or raise "
                "ingest.past_days here and at the core",
            )
        return at


class _Rule:
    """One value of a mapping, compiled."""

    def __init__(self, table: ValueTable, mapping: MappingTable) -> None:
        self.table = table
        self.unit = table.ucum
        self.path = jmespath.compile(table.path)
        self.when = None if table.when is None else jmespath.compile(table.when)
        each = table.each or mapping.each
        self.each = None if each is None else jmespath.compile(each)
        self.decimal = table.decimal or mapping.decimal
        time = table.time or mapping.time
        assert time is not None, "refused when it was loaded"
        self.time: TimeTable = time
        path = time.path or time.answer_path
        self.time_path = None if path is None else jmespath.compile(path)
        known = indicator_of(table.quantity)
        self.low = -MAX_VALUE if known is None else known.low
        self.high = MAX_VALUE if known is None else min(known.high, MAX_VALUE)

    def items(self, answer: Any) -> list[Any]:
        """What the value is looked for in.

        Raises:
            MisfitError: ``each`` gives no list, or a longer one than is read.
        """
        if self.each is None:
            return [answer]
        items = search(self.each, answer, "each")
        if items is None:
            return []
        if not isinstance(items, list):
            raise MisfitError("each", f"expected a list, got {json_text(items)[:80]}")
        if len(items) > MAX_ITEMS:
            raise MisfitError("each", f"{len(items)} items; at most {MAX_ITEMS} are read")
        return items


def _contradiction(first: Value, other: Value) -> Fault:
    return Fault(
        f"{other.quantity}.value",
        f"{first.value:g} and {other.value:g} for the same time {other.time.isoformat()}; "
        "narrow it with when",
    )


def _bounded(faults: list[Fault]) -> list[Fault]:
    if len(faults) <= MAX_FAULTS:
        return faults
    kept = faults[: MAX_FAULTS - 1]
    return [*kept, Fault("$", f"{len(faults) - len(kept)} more faults")]
