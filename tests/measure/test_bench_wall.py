"""What the wall is measured on is made up alike every time, and what is measured is right. Pure."""

from __future__ import annotations

import statistics
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.screens import SCREENS
from ioc.decode import decode
from ioc.events import NumberedEnvelope
from measure.bench.wall import raw
from measure.bench.wall.asking import Answered, alike, described, quantile, questions
from measure.bench.wall.bench import figures_of
from measure.bench.wall.binary import uuids
from measure.bench.wall.place import Province, Spread, Step, begin, steps
from measure.bench.wall.series import blocks
from measure.bench.wall.writing import Source
from store.schema import Flavour, migrations

NOW = datetime(2026, 11, 20, 10, 37, 21, tzinfo=UTC)


def test_fifty_junctions_have_two_hundred_lanes_and_five_hundred_sensors() -> None:
    province = Province(50, 1)
    assert len(province.lanes) == 200
    assert len(province.sensors) == 500
    assert len({device.path for device in province.devices}) == len(province.devices)
    assert len({lane.device.path.city for lane in province.lanes}) == 2


# --- time -----------------------------------------------------------------------------------------


@given(
    days=st.integers(1, 900),
    dense=st.integers(0, 40),
    later=st.timedeltas(timedelta(0), timedelta(days=3)),
)
def test_steps_fill_all_of_the_time_once(days: int, dense: int, later: timedelta) -> None:
    first, dense_from = begin(NOW, Spread(days=days, dense_days=min(dense, days)))
    assert (NOW - first) // timedelta(days=1) == days
    made = list(steps(first, dense_from, NOW))
    made += steps(made[-1].last, dense_from, NOW + later)
    assert made[0].first == first
    assert all(a.last == b.first for a, b in pairwise(made))
    assert timedelta(0) <= NOW + later - made[-1].last < timedelta(minutes=1)
    assert all(step.dense == (step.first >= dense_from) for step in made)
    assert all(step.last <= dense_from for step in made if not step.dense)
    # One transaction each: a dense day of fifty junctions is four million rows.
    assert all(step.last - step.first <= timedelta(days=1) for step in made if step.dense)


# --- rows -----------------------------------------------------------------------------------------


def rows_of(province: Province, step: Step) -> Counter[tuple[str, bytes]]:
    """Every row of a step by its bytes; those of one block are of one length."""
    found: Counter[tuple[str, bytes]] = Counter()
    for block in blocks(province, step, every_s=900):
        size, left = divmod(len(block.content), block.rows)
        assert left == 0
        found.update(
            (block.table, block.content[n * size : (n + 1) * size]) for n in range(block.rows)
        )
    return found


def span(first: str, last: str, *, dense: bool = True) -> Step:
    day = NOW.strftime("%Y-%m-%d")
    times = (datetime.fromisoformat(f"{day}T{text}:00+00:00") for text in (first, last))
    return Step(first=next(times), last=next(times), dense=dense)


@pytest.mark.parametrize("dense", [True, False])
def test_the_same_seed_gives_the_same_rows_in_one_part_or_two(dense: bool) -> None:
    whole = rows_of(Province(2, 7), span("08:30", "10:30", dense=dense))
    first = rows_of(Province(2, 7), span("08:30", "09:41", dense=dense))
    second = rows_of(Province(2, 7), span("09:41", "10:30", dense=dense))
    assert whole
    assert first + second == whole
    assert max(whole.values()) == 1
    assert rows_of(Province(2, 8), span("08:30", "10:30", dense=dense)) != whole


def test_no_two_hours_and_no_two_seeds_have_the_same_noise() -> None:
    """The last 62 bits of an id are noise; the id follows two lengths at the start of a row."""
    ids = [
        row[14:22]
        for seed in (7, 8)
        for table, row in rows_of(Province(1, seed), span("08:00", "11:00"))
        if table == "flow"
    ]
    assert len(ids) == 2 * 3 * 4 * 360
    assert len(set(ids)) == len(ids)


def test_dense_rows_come_as_often_as_from_real_devices() -> None:
    found = Counter(table for table, _ in rows_of(Province(2, 1), span("08:00", "09:00")))
    assert found == {
        "flow": 8 * 360,
        "flow_minute": 8 * 60,
        "reading": 20 * 60,
        "health": 4 * 360 + 20 * 60,
    }


def test_ids_are_version_7_of_their_instant() -> None:
    at = np.array([1_795_000_000_123])
    noise = np.array([[2**64 - 1, 2**64 - 1]], dtype=np.uint64)
    high, low = (int(word) for word in uuids(at, noise)[0])
    assert high >> 16 == 1_795_000_000_123
    assert high >> 12 & 0xF == 7
    assert low >> 62 == 0b10


# --- raw rows -------------------------------------------------------------------------------------


def test_a_raw_view_counts_as_the_plain_flavour_does() -> None:
    """Its text is that of the first level, whose plain twin stands in another migration."""
    plain = "\n".join(step.sql for step in migrations(Flavour.PLAIN))
    bodies = raw.bodies()
    assert len(bodies) == 12
    bucket = "date_bin(INTERVAL '1 minute', time, TIMESTAMPTZ '2000-01-03 00:00:00+00')"
    for series in ("flow", "reading", "health"):
        as_plain = bodies[f"{series}_1m"].replace(raw.BUCKETS["1m"], bucket)
        assert f"CREATE VIEW {series}_1m AS\n{as_plain};" in plain
    assert all(raw.BUCKETS["1m"] not in bodies[f"flow_{level}"] for level in ("15m", "1h", "1d"))


def test_the_aggregates_of_a_query_are_found_and_those_of_a_comment_not() -> None:
    query = "-- not flow_1d\nSELECT * FROM flow_15m AS f JOIN reading_1h USING (city) -- health_1m"
    assert raw.aggregates(query) == ("flow_15m", "reading_1h")
    assert raw.aggregates("SELECT * FROM flow_minute JOIN my_flow_1m_copy USING (city)") == ()


# --- figures --------------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_quantile_is_a_measured_value_that_few_exceed(values: list[float], share: float) -> None:
    found = quantile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)
    assert sum(value < found for value in values) < share * len(values)


def test_the_95th_of_forty_leaves_two_above() -> None:
    values = [float(n) for n in range(40, 0, -1)]
    assert quantile(values, 0.95) == 38.0
    assert quantile(values, 0.5) == statistics.median_low(values)
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.5)


def test_the_figures_are_the_worst_and_each_query() -> None:
    slow = Answered("slow", [10.0, 90.0], [2000.0, 3000.0], same=True)
    found = figures_of(
        [
            Answered("slow", [10.0, 20.0]),
            slow,
            Answered("fast", [1.0], [100.0], same=False),
            Answered("table", [5.0, 5.0]),
        ]
    )
    values = {figure.name: figure.value for figure in found}
    assert values["wall.p95"] == 90.0
    assert values["wall.speedup"] == 100.0
    assert values["wall.different"] == 1
    assert values["wall.slow.p95"] == 90.0
    assert values["wall.slow.speedup"] == 200.0
    assert values["wall.table.p50"] == 5.0
    assert "wall.table.speedup" not in values
    assert len(found) == len(values)


def test_without_raw_rows_nothing_is_said_of_them() -> None:
    names = {figure.name for figure in figures_of([Answered("table", [5.0])])}
    assert names == {"wall.p95", "wall.table.p50", "wall.table.p95"}


def test_a_line_says_what_could_not_be_compared() -> None:
    assert described(Answered("a", [1.0])).endswith("asks no aggregate")
    assert ">" not in described(Answered("a", [1.0], [50.0], same=True))
    assert described(Answered("a", [1.0], [50.0], same=False)).endswith("THE ANSWERS DIFFER")
    assert "> 1000.0 x" in described(Answered("a", [1.0], [1000.0], given_up=True))


def test_answers_are_alike_up_to_the_last_digits_of_a_float() -> None:
    row = ("a", 1, 0.1 + 0.2, None, NOW)
    assert alike([row], [("a", 1, 0.3, None, NOW)])
    for other in [(), ("a", 1, 0.31, None, NOW), ("a", 1, 0.3, 0.0, NOW), ("b", *row[1:])]:
        assert not alike([row], [other])
    assert not alike([row], [row, row])


def test_every_tile_of_every_screen_is_asked_with_its_range() -> None:
    asked = {(one.query, one.span) for one in questions(SCREENS)}
    assert len(asked) == len(questions(SCREENS))
    for screen in SCREENS:
        for tile in screen.tiles:
            assert (tile.query, timedelta(hours=screen.span_h)) in asked


# --- writing --------------------------------------------------------------------------------------


def test_a_source_sends_what_the_contract_takes_without_gaps() -> None:
    source = Source(Province(3, 1))
    numbers: dict[object, list[int]] = {}
    kinds: Counter[str] = Counter()
    for second in range(10):
        for topic, records in source.take(40, NOW + timedelta(seconds=second)).items():
            for record in records:
                event = decode(record.value)
                assert isinstance(event, NumberedEnvelope)
                assert event.source == "/" + record.key.decode()
                numbers.setdefault((record.key, event.bootid), []).append(event.sequence)
                kinds[topic] += 1
    assert kinds == {"ioc.flow.v1": 240, "ioc.reading.v1": 140, "ioc.health.v1": 20}
    assert all(sorted(found) == list(range(len(found))) for found in numbers.values())
