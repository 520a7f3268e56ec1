"""Numbers and dates as offices write them: read right, or refused, never guessed."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.lgsp.numbers import is_missing, local_date, number_of
from ioc.foreign_json import MisfitError


def vietnamese(number: float, decimals: int) -> str:
    return f"{number:,.{decimals}f}".translate(str.maketrans(",.", ".,"))


@pytest.mark.parametrize(
    ("told", "number"),
    [
        ("97,5%", 97.5),
        ("97,5 %", 97.5),
        ("97,5\u00a0%", 97.5),
        (" 100% ", 100.0),
        ("0,00", 0.0),
        ("1.234", 1234.0),
        ("1.234.567,25", 1234567.25),
        ("1 234,5", 1234.5),
        ("1\u202f234,5", 1234.5),
        ("-3,5", -3.5),
        ("\u22123,5", -3.5),
        ("+12", 12.0),
        ("0012", 12.0),
        (97.5, 97.5),
        (97, 97.0),
    ],
)
def test_numbers_with_a_decimal_comma(told: Any, number: float) -> None:
    assert number_of(told, decimal=",", percent=True) == number


@pytest.mark.parametrize(
    ("told", "number"),
    [("97.5%", 97.5), ("1,234.5", 1234.5), ("1,234,567", 1234567.0), ("1 234.5", 1234.5)],
)
def test_numbers_with_a_decimal_point(told: str, number: float) -> None:
    assert number_of(told, decimal=".", percent=True) == number


@pytest.mark.parametrize(
    "told",
    [
        *["97.5", "97.50", "1.23", "1234.567,5", "1.234.56", "1.234 567", "1,2,3", "12,", ",5"],
        *["", " ", "%", "chín mươi", "0x10", "1e3", "nan", "inf", "٩٧", "97,5%%", "5 5", "--5"],
        *["9" * 65, True, False, None, [], {}, [97.5], {"a": 1}],
    ],
)
def test_what_may_mean_something_else_is_refused(told: Any) -> None:
    with pytest.raises(MisfitError) as caught:
        number_of(told, decimal=",", percent=True)
    assert caught.value.field == "value"


def test_a_percent_sign_contradicts_a_count_and_a_scale() -> None:
    with pytest.raises(MisfitError, match="the unit is not percent"):
        number_of("12%", decimal=",", percent=False)
    with pytest.raises(MisfitError, match="scale is set too"):
        number_of("97%", decimal=",", percent=True, scale=100)


@pytest.mark.parametrize(
    ("told", "scaled"), [(0.975, 97.5), (0.9751, 97.51), ("0,975", 97.5), (1, 100.0), (0, 0.0)]
)
def test_a_share_is_scaled_without_crumbs(told: Any, scaled: float) -> None:
    assert number_of(told, decimal=",", percent=True, scale=100) == scaled


@pytest.mark.parametrize("told", [10**400, -(10**400), 1e308])
def test_a_number_beyond_all_bounds_is_refused(told: Any) -> None:
    with pytest.raises(MisfitError, match="too large"):
        number_of(told, decimal=",", percent=False, scale=1e10)


@given(st.floats(-1e11, 1e11), st.integers(0, 6))
def test_what_was_written_is_what_is_read(number: float, decimals: int) -> None:
    expected = float(f"{number:.{decimals}f}")
    assert number_of(vietnamese(number, decimals), decimal=",", percent=False) == expected
    assert number_of(f"{number:,.{decimals}f}", decimal=".", percent=False) == expected


@given(
    st.text(max_size=80) | st.from_regex(r"[-+0-9., %]{0,20}", fullmatch=True),
    st.sampled_from(",."),
    st.booleans(),
)
def test_any_text_is_a_finite_number_or_a_misfit(text: str, decimal: str, percent: bool) -> None:
    try:
        number = number_of(text, decimal=decimal, percent=percent)
    except MisfitError as misfit:
        assert misfit.field == "value"
        assert len(misfit.detail) < 600
    else:
        assert math.isfinite(number)
        assert any("0" <= letter <= "9" for letter in text)


@given(st.from_regex(r"[0-9]{1,3}[.,][0-9]{1,6}", fullmatch=True))
def test_no_text_is_read_both_ways_with_one_sign(text: str) -> None:
    """A point and a comma never mean the same: at most one of the two readings is a fraction."""
    readings = []
    for decimal in ",.":
        try:
            readings.append(number_of(text, decimal=decimal, percent=False))
        except MisfitError:
            continue
    whole, _, part = text.replace(",", ".").partition(".")
    fraction = float(f"{whole}.{part}")
    assert fraction in readings
    assert set(readings) <= {fraction, float(whole + part)}
    assert len(part) == 3 or readings == [fraction]


@pytest.mark.parametrize(
    ("value", "missing"),
    [
        (None, True),
        ("", True),
        (" - ", True),
        ("0", False),
        (0, False),
        (False, False),
        ([], False),
    ],
)
def test_missing_is_null_or_one_of_the_marks(value: Any, missing: bool) -> None:
    assert is_missing(value, ("", "-")) is missing


@pytest.mark.parametrize(
    ("told", "form", "at"),
    [
        ("2025-11-21", "date", "2025-11-20T17:00:00Z"),
        ("21/11/2025", "dmy", "2025-11-20T17:00:00Z"),
        ("1/2/2025", "dmy", "2025-01-31T17:00:00Z"),
        ("21-11-2025 08:30", "dmy", "2025-11-21T01:30:00Z"),
        (" 21.11.2025 08:30:15 ", "dmy", "2025-11-21T01:30:15Z"),
        ("21/11/2025T8:05", "dmy", "2025-11-21T01:05:00Z"),
    ],
)
def test_a_day_is_told_in_the_zone_of_its_writer(told: str, form: str, at: str) -> None:
    assert local_date(told, form, "+07:00") == datetime.fromisoformat(at)


@pytest.mark.parametrize(
    ("told", "form"),
    [
        *[("31/02/2025", "dmy"), ("11/21/2025", "dmy"), ("21/11-2025", "dmy"), ("21/11/25", "dmy")],
        *[("21/11/2025 25:00", "dmy"), ("21/11/2025 08", "dmy"), ("2025-11-21", "dmy")],
        *[("21/11/2025", "date"), ("2025-11-21T08:30", "date"), ("", "date"), (20251121, "date")],
        *[(None, "dmy"), ("0000-01-01", "date"), ("1/1/0001", "dmy"), ("9" * 100, "date")],
    ],
)
def test_a_date_that_is_none_is_refused(told: Any, form: str) -> None:
    with pytest.raises(MisfitError, match="is not a time") as caught:
        local_date(told, form, "+07:00")
    assert caught.value.field == "time"


@given(st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)), st.sampled_from(["/", "-", "."]))
def test_every_instant_survives_being_written_as_a_date(at: datetime, sign: str) -> None:
    at = at.replace(microsecond=0)
    written = f"{at.day:02d}{sign}{at.month}{sign}{at.year:04d} {at:%H:%M:%S}"
    expected = at.replace(tzinfo=UTC) - timedelta(hours=7)
    assert local_date(written, "dmy", "+07:00") == expected
    assert local_date(written, "dmy", "-07:00") == expected + timedelta(hours=14)
