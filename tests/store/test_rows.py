"""Every field of every event comes out of its row again, before and after the database."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ioc import events as e
from ioc.deadletter import set_aside
from ioc.decode import ContractError, Reason
from ioc.settings import DatabaseSettings
from ioc.topics import DevicePath, parse_key
from store.bulk import insert_rows
from store.rows import READING, TABLE_OF, Row, Table, dead_letter_row, row_of, storable
from store.tables import BULK_TABLES
from tests.store import samples
from tests.strategies import NOW, events

ENVELOPE = ("id", "time", "bootid", "sequence", "replayed", "adapter")


def _event_of(kind: type[Any], row: dict[str, Any]) -> Any:
    """Build the event again from a row by the names of its columns."""
    path = DevicePath(row.pop("city"), row.pop("site"), row.pop("device"))
    fields = {name: row.pop(name) for name in ENVELOPE if name in row}
    if kind is e.FlowEvent:
        counts = {c: row.pop(c) for c in e.VehicleClass.__args__}  # type: ignore[attr-defined]
        assert row.pop("total") == sum(counts.values())
        row["counts"] = {name: count for name, count in counts.items() if count}
    clock = (row.pop("clock_source", None), row.pop("clock_offset_ms", None))
    if clock[0] is not None:
        row["clock"] = e.ClockRef(source=clock[0], offset_ms=clock[1])
    if kind is e.ViolationEvent:
        row["model"] = e.ModelRef(name=row.pop("model_name"), sha256=row.pop("model_sha256"))
        row["frames"] = e.FrameWindow(first=row.pop("frame_first"), last=row.pop("frame_last"))
        plate = [row.pop(f"plate_{name}") for name in ("text", "confidence", "colour")]
        if plate[0] is not None:
            row["plate"] = e.Plate(text=plate[0], confidence=plate[1], colour=plate[2])
        signal = [row.pop(f"signal_{name}") for name in ("head", "phase", "since")]
        if signal[0] is not None:
            row["signal"] = e.SignalRef(head=signal[0], phase=signal[1], since=signal[2])
        row["evidence"] = tuple(e.EvidenceRef(**file) for file in row["evidence"])
        row["reasons"] = tuple(row["reasons"])
    data = kind.__annotations__["data"]
    payload = getattr(e, data)(**row)
    return kind(specversion="1.0", source=path.source, data=payload, **fields)


def _normal(event: Any) -> Any:
    """The event without counts of zero, which a row does not tell from absent ones."""
    if not isinstance(event, e.FlowEvent):
        return event
    data = {name: getattr(event.data, name) for name in event.data.__struct_fields__}
    data["counts"] = {name: count for name, count in event.data.counts.items() if count}
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    return e.FlowEvent(**{**fields, "data": e.FlowData(**data)})


@given(events())
def test_a_row_holds_every_field(event: Any) -> None:
    table = TABLE_OF[type(event)]
    row = row_of(parse_key(event.source[1:]), event)
    assert len(row) == len(table.columns) == len(table.types)
    assert _event_of(type(event), dict(zip(table.columns, row, strict=True))) == _normal(event)


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, template: str) -> DatabaseSettings:
    """The template itself: what is written is rolled back."""
    return DatabaseSettings(url=request.getfixturevalue("postgres").url(template))


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(batch=st.lists(events(), min_size=1, max_size=20))
def test_the_database_gives_back_what_it_took(server: DatabaseSettings, batch: list[Any]) -> None:
    for kind, table in TABLE_OF.items():
        of_kind: list[Any] = [event for event in batch if type(event) is kind]
        rows = {event.id: row_of(parse_key(event.source[1:]), event) for event in of_kind}
        assert {row[0]: row for row in asyncio.run(_there_and_back(server, table, rows))} == rows


def test_extreme_values_survive(server: DatabaseSettings) -> None:
    values = [1e12, -1e12, 5e-324, -0.0, 0.1 + 0.2, 1.7976931348623157e308]
    rows = [row_of(samples.SENSOR, samples.reading(n, v)) for n, v in enumerate(values)]
    back = asyncio.run(_there_and_back(server, READING, {row[0]: row for row in rows}))
    at = READING.columns.index("value")
    assert sorted(str(row[at]) for row in back) == sorted(str(value) for value in values)


async def _there_and_back(
    server: DatabaseSettings, table: Table, rows: dict[Any, Row]
) -> list[Row]:
    """Store rows and read them in the same transaction, which is then rolled back."""
    async with await psycopg.AsyncConnection.connect(server.url) as connection:
        assert await insert_rows(connection, table, list(rows.values())) == len(rows)
        columns = ", ".join(table.columns)
        cursor = await connection.execute(f"SELECT {columns} FROM {table.name}".encode())
        stored = await cursor.fetchall()
        await connection.rollback()
        return stored


def test_every_column_is_in_the_database_with_its_type(server: DatabaseSettings) -> None:
    with psycopg.connect(server.url) as connection:
        for table in BULK_TABLES:
            found: dict[str, str] = dict(
                connection.execute(
                    "SELECT attname, typname FROM pg_attribute JOIN pg_type AS t "
                    "ON t.oid = atttypid WHERE attrelid = %s::regclass AND attnum > 0",
                    (table.name,),
                ).fetchall()
            )
            for column, kind in zip(table.columns, table.types, strict=True):
                assert found[column] == kind, f"{table.name}.{column}"


def test_a_dead_letter_always_fits() -> None:
    letter = set_aside(
        b"\x00\xff raw",
        ContractError(Reason.SCHEMA, "$.\0", "lone \ud800 and \0"),
        stage="ingest",
        topic="ioc/v1/\0",
        device="",
        received=NOW,
        properties={"k\0": "v\0"},
    )
    row = dict(zip(TABLE_OF_LETTER, dead_letter_row(letter), strict=True))
    assert row["raw"] == b"\x00\xff raw"
    assert (row["topic"], row["field"]) == ("ioc/v1/\ufffd", "$.\ufffd")
    assert row["detail"] == "lone ? and \ufffd"
    assert row["properties"] == {"k\ufffd": "v\ufffd"}
    assert row["city"] is None


TABLE_OF_LETTER = BULK_TABLES[-1].columns


@given(st.text())
def test_storable_changes_only_what_must_be(text: str) -> None:
    assert storable(text).replace("\ufffd", "") == text.replace("\0", "").replace("\ufffd", "")
