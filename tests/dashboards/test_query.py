"""Queries hold what both users understand, and no name breaks out of its quotes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards import query
from dashboards.query import QueryError, Range, render, text

NOW = datetime(2026, 11, 22, 5, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize("name", query.names())
def test_every_query_holds_only_what_both_understand(name: str) -> None:
    found = text(name)
    assert found.startswith("--"), "say in a line what it answers"
    assert "now()" not in found.lower(), "$__timeTo() is now, so that the past can be asked too"
    assert ";" not in found
    assert "plate" not in found


def test_a_query_that_is_not_there_is_named() -> None:
    with pytest.raises(QueryError, match=r"dashboards/queries/nothing\.sql is missing"):
        text("nothing")


def test_a_part_is_there_with_its_gaps_filled() -> None:
    dust, rain = text("environment-dust"), text("environment-rain")
    assert "quantity = 'pm2_5'" in dust and "max(value) AS value" in dust
    assert "quantity = 'rain'" in rain and "max(value_max) AS value" in rain
    assert not [
        name for name in query.names() if "-- part:" in text(name) or "<quantity>" in text(name)
    ]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("-- part: nowhere", r"dashboards/queries/parts/nowhere\.sql is missing"),
        ("-- part: hourly-highest quantity=rain", r"gaps \['quantity', 'value'\], filled are"),
        ("-- part: last-minute lane=a", r"gaps \[\], filled are \['lane'\]"),
    ],
)
def test_a_part_that_does_not_fit_is_named(
    line: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = query._read
    monkeypatch.setattr(
        query, "_read", lambda path: f"-- asks\n{line}\n" if path == "a-query.sql" else read(path)
    )
    with pytest.raises(QueryError, match=why):
        text("a-query")


def test_every_part_serves_several_queries() -> None:
    folder = Path(query.__file__).parent / "queries"
    used = Counter(
        found
        for path in folder.glob("*.sql")
        for found in re.findall(r"^-- part: (\S+)", path.read_text(), re.MULTILINE)
    )
    parts = {path.stem for path in (folder / "parts").glob("*.sql")}
    assert used.keys() == parts and min(used.values()) >= 2
    for part in parts:
        assert (folder / "parts" / f"{part}.sql").read_text().startswith("-- ")


def test_values_stand_in_the_query() -> None:
    chosen = Range.until(NOW, DAY, ["vithanh", "ngabay"], ["tran-hung-dao"])
    found = render("age-flow", chosen)
    assert "IN ('vithanh', 'ngabay')" in found
    assert "'2026-11-22T05:00:00+00:00'::timestamptz" in found
    assert "$" not in found


def test_nothing_chosen_is_nothing_found(ask: Any, fill: Any) -> None:
    fill("device", [{"city": "vithanh", "site": "tran-hung-dao", "device": "cam-1"}])
    assert ask("age-flow", NOW, cities=[]) == []


@given(name=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40))
def test_a_name_is_only_a_name(name: str) -> None:
    found = render("age-flow", Range.until(NOW, DAY, [name], ["x"]))
    inside = found.split("device.city IN (", 1)[1].split(") AND device.site IN ('x')", 1)[0]
    assert psycopg.sql.Literal(name).as_string() == inside


def _flow(at: datetime, **more: Any) -> Mapping[str, Any]:
    return {
        "id": f"00000000-0000-7000-8000-{at.timestamp() % 10**12:012.0f}", "time": at,
        "city": "vithanh", "site": "tran-hung-dao", "device": "cam-1",
        "bootid": "00000000-0000-4000-8000-000000000000", "sequence": 1, "replayed": False,
        "received": at + timedelta(seconds=1), "lane": "north-1", "period_s": 10, "total": 3,
        **more,
    }  # fmt: skip


def test_a_clock_ahead_makes_nothing_fresh(ask: Any, fill: Any) -> None:
    fill("device", [{"city": "vithanh", "site": "tran-hung-dao", "device": "cam-1"}])
    rows: Sequence[Mapping[str, Any]] = [
        _flow(NOW - timedelta(minutes=9)),
        _flow(NOW + timedelta(minutes=3), received=NOW - timedelta(minutes=7)),
    ]
    fill("flow", rows)
    (found,) = ask("age-flow", NOW)
    assert found["as_of"] == NOW - timedelta(minutes=7)
    assert found["name_vi"] == "tran-hung-dao"
