"""What an answer says: every value that can be understood, and why the others cannot."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.lgsp.config import MappingTable
from edge.lgsp.mapping import MAX_FAULTS, MAX_ITEMS, Found, Translation, Window
from ioc.decode import ContractError, Reason, decode
from ioc.events import ReadingData, ReadingEvent, encode
from ioc.ids import uuid7

NOW = datetime(2025, 11, 21, 2, 0, tzinfo=UTC)
WINDOW = Window(timedelta(days=30), timedelta(minutes=5))
MOST = 1 << 20

LIST = """
each = "chiSo"
time = { answer_path = "capNhat", format = "dmy" }
[[value]]
quantity = "gov.full_online_services"
when = "ma == 'DVCTT'"
path = "giaTri"
[[value]]
quantity = "gov.late_files"
when = "ma == 'TRE'"
path = "giaTri"
[[value]]
quantity = "gov.vneid_sign_in"
when = "ma == 'VNEID'"
path = "giaTri"
scale = 100
"""
ANSWER: dict[str, Any] = {
    "capNhat": "21/11/2025 08:30",
    "chiSo": [
        {"ma": "DVCTT", "giaTri": "97,5%"},
        {"ma": "TRE", "giaTri": 12},
        {"ma": "VNEID", "giaTri": 0.881},
        {"ma": "KHAC", "giaTri": "?"},
    ],
}


def translation(text: str) -> Translation:
    return Translation(MappingTable.model_validate(tomllib.loads(text)), WINDOW)


def read(text: str, answer: Any, now: datetime = NOW) -> Found:
    return translation(text).read(json.dumps(answer).encode(), now, MOST)


def told(found: Found) -> dict[str, tuple[float, str]]:
    return {value.quantity: (value.value, value.unit) for value in found.values}


def one(path: str = "v", more: str = "", quantity: str = "gov.satisfaction") -> str:
    return f'''
time = {{ path = "t" }}
[[value]]
quantity = "{quantity}"
path = "{path}"
{more}
'''


def test_a_list_of_codes_becomes_indicators_in_their_units() -> None:
    found = read(LIST, ANSWER)
    assert told(found) == {
        "gov.full_online_services": (97.5, "%"),
        "gov.late_files": (12.0, "1"),
        "gov.vneid_sign_in": (88.1, "%"),
    }
    assert {value.time for value in found.values} == {datetime(2025, 11, 21, 1, 30, tzinfo=UTC)}
    assert (found.faults, found.missing, found.early) == ((), (), False)


def test_one_bad_value_does_not_stop_the_others() -> None:
    items = [{"ma": "DVCTT", "giaTri": "nhiều"}, *ANSWER["chiSo"][1:]]
    found = read(LIST, {**ANSWER, "chiSo": items})
    assert set(told(found)) == {"gov.late_files", "gov.vneid_sign_in"}
    (fault,) = found.faults
    assert fault.field == "gov.full_online_services.value"
    assert fault.detail.startswith("item 0: 'nhiều' is not a number with the decimal sign ','")
    assert found.missing == (), "it is there, and wrong"


@pytest.mark.parametrize("mark", [None, "", "-", "N/A", "không có"])
def test_a_value_that_says_there_is_none_is_missing_and_no_fault(mark: Any) -> None:
    items = [{"ma": "DVCTT", "giaTri": mark}, *ANSWER["chiSo"][1:]]
    found = read(LIST, {**ANSWER, "chiSo": items})
    assert found.missing == ("gov.full_online_services",)
    assert found.faults == ()
    assert len(found.values) == 2


@pytest.mark.parametrize("answer", [{}, {"chiSo": None}, {"chiSo": []}, [], None, 7, "x"])
def test_an_answer_of_another_shape_misses_everything(answer: Any) -> None:
    found = read(LIST, answer)
    assert found.values == ()
    assert found.missing == ("gov.full_online_services", "gov.late_files", "gov.vneid_sign_in")


@pytest.mark.parametrize(
    ("answer", "field", "detail"),
    [
        ({"v": 100.5, "t": "2025-11-21T08:30:00+07:00"}, "value", "gives 100.5 %, not 0 to 100"),
        ({"v": "-1", "t": "2025-11-21T08:30:00+07:00"}, "value", "gives -1 %, not 0 to 100"),
        ({"v": True, "t": "2025-11-21T08:30:00+07:00"}, "value", "true is not a number"),
        ({"v": {"x": 1}, "t": "2025-11-21T08:30:00+07:00"}, "value", '{"x":1} is not a number'),
        ({"v": 90}, "time", "'null' is not a time (rfc3339): expected text"),
        ({"v": 90, "t": "hôm nay"}, "time", "is not a time (rfc3339)"),
        ({"v": 90, "t": "2025-11-21T09:06:00+07:00"}, "time", "more than 5 minutes ahead"),
        ({"v": 90, "t": "2025-10-01T00:00:00+07:00"}, "time", "raise ingest.past_days"),
    ],
)
def test_a_fault_names_the_quantity_the_part_and_the_mend(
    answer: Any, field: str, detail: str
) -> None:
    found = read(one(), answer)
    assert found.values == ()
    (fault,) = found.faults
    assert fault.field == f"gov.satisfaction.{field}"
    assert detail in fault.detail


def test_a_time_ahead_may_be_right_when_it_has_come() -> None:
    answer = {"v": 90, "t": "2025-11-21T10:00:00+07:00"}
    assert read(one(), answer).early
    later = read(one(), answer, datetime(2025, 11, 21, 3, 0, tzinfo=UTC))
    assert not later.early
    assert told(later) == {"gov.satisfaction": (90.0, "%")}


def test_a_time_without_a_zone_is_that_of_vietnam() -> None:
    (value,) = read(one(), {"v": 90, "t": "2025-11-21T08:30:00.123456"}).values
    assert value.time == datetime(2025, 11, 21, 1, 30, 0, 123000, tzinfo=UTC)


def test_where_no_time_is_told_it_is_that_of_the_answer() -> None:
    text = one().replace('{ path = "t" }', "{ received = true }")
    assert translation(text).stamps
    assert not translation(one()).stamps
    (value,) = read(text, {"v": 90}, NOW + timedelta(microseconds=1234)).values
    assert value.time == NOW + timedelta(milliseconds=1)


def test_the_same_figure_twice_is_one_and_two_figures_for_one_time_are_a_fault() -> None:
    text = one(more='each = "[]"')
    at = "2025-11-21T08:30:00Z"
    assert (
        len(read(text, [{"v": 90, "t": at}, {"v": "90", "t": at}], NOW + timedelta(1)).values) == 1
    )
    found = read(text, [{"v": 90, "t": at}, {"v": 91, "t": at}], NOW + timedelta(1))
    assert told(found) == {"gov.satisfaction": (90.0, "%")}
    assert "90 and 91 for the same time" in found.faults[0].detail


def test_a_history_gives_each_of_its_values() -> None:
    text = one(more='each = "[]"')
    answer = [{"v": n, "t": f"2025-11-{n}T00:00:00Z"} for n in range(10, 20)]
    assert [value.value for value in read(text, answer).values] == list(range(10, 20))


def test_another_quantity_needs_its_unit_and_has_no_bounds_of_a_share() -> None:
    found = read(
        one(quantity="portal.visits", more='unit = "1"\n'),
        {"v": "1.234.567", "t": "2025-11-21T00:00:00Z"},
    )
    assert told(found) == {"portal.visits": (1234567.0, "1")}


@pytest.mark.parametrize(
    ("each", "detail"),
    [("chiSo[0]", "expected a list"), ("keys(capNhat)", "In function keys()"), ("ma", None)],
)
def test_what_is_no_list_is_told_once(each: str, detail: str | None) -> None:
    found = read(LIST.replace('"chiSo"', f'"{each}"', 1), ANSWER)
    if detail is None:
        assert len(found.missing) == 3
        return
    assert {fault.field.rpartition(".")[2] for fault in found.faults} == {"each"}
    assert all(detail in fault.detail for fault in found.faults)


def test_more_items_than_are_read_are_refused() -> None:
    text = one(more='each = "[]"')
    at = "2025-11-21T00:00:00Z"
    assert read(text, [{"v": 1, "t": at}] * MAX_ITEMS).faults == ()
    found = read(text, [{"v": 1, "t": at}] * (MAX_ITEMS + 1))
    assert found.values == ()
    assert f"at most {MAX_ITEMS} are read" in found.faults[0].detail


def test_a_thousand_faults_are_a_hundred_lines() -> None:
    found = read(one(more='each = "[]"'), [{"v": "?"}] * MAX_ITEMS)
    assert len(found.faults) == MAX_FAULTS
    assert found.faults[-1].detail == f"{MAX_ITEMS - MAX_FAULTS + 1} more faults"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", Reason.BAD_JSON),
        (b"{", Reason.BAD_JSON),
        (b"<html>502</html>", Reason.BAD_JSON),
        (b'{"v": NaN}', Reason.BAD_JSON),
        (b"\xff", Reason.BAD_UTF8),
        (b" " * (MOST + 1), Reason.OVERSIZE),
        (b"[" * 40 + b"]" * 40, Reason.ADAPTER),
        (b"[" * 200_000, Reason.BAD_JSON),
    ],
)
def test_bytes_that_are_no_answer_are_one_error(raw: bytes, reason: Reason) -> None:
    with pytest.raises(ContractError) as caught:
        translation(LIST).read(raw, NOW, MOST)
    assert caught.value.reason is reason


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["97,5%", "21/11/2025", "DVCTT", "-", "2025-11-21T08:30:00Z"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["chiSo", "ma", "giaTri", "capNhat", "v", "t"]), inner)
    ),
    max_leaves=12,
)


@given(JSON)
def test_whatever_comes_each_value_is_a_valid_reading(answer: Any) -> None:
    for text in (LIST, one(), one(more='each = "[]"')):
        found = read(text, answer)
        for value in found.values:
            event = ReadingEvent(
                specversion="1.0",
                id=uuid7(value.time),
                source="/vithanh/hanh-chinh/lgsp",
                time=value.time,
                bootid=uuid7(NOW),
                sequence=0,
                data=ReadingData(quantity=value.quantity, value=value.value, unit=value.unit),
            )
            assert decode(encode(event)) == event
            assert NOW - WINDOW.past <= value.time <= NOW + WINDOW.future
        assert not {value.quantity for value in found.values} & set(found.missing)


@given(JSON)
def test_the_same_bytes_say_the_same(answer: Any) -> None:
    assert read(LIST, answer) == read(LIST, answer)
