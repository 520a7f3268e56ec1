"""Parts of a file: what a Range header gives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from console.byte_ranges import Span, UnsatisfiableError, is_known, span_of, wanted


@given(
    size=st.integers(1, 200),
    first=st.none() | st.integers(0, 250),
    last=st.none() | st.integers(0, 250),
)
def test_parts_are_what_slicing_gives(size: int, first: int | None, last: int | None) -> None:
    data = bytes(n % 256 for n in range(size))
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    if first is None and last is None:
        expected: bytes | None = data
    elif first is None:
        assert last is not None
        expected = data[-last:] if last else None
    elif last is not None and last < first:
        expected = data
    else:
        expected = data[first : None if last is None else last + 1] or None
    try:
        span = span_of(header, size) or Span(0, size)
    except UnsatisfiableError:
        assert expected is None
    else:
        assert data[span.start : span.end] == expected
        assert span.end <= size


@given(header=st.text(max_size=40) | st.from_regex(r"bytes=[ 0-9,\-]{0,40}", fullmatch=True))
def test_no_range_that_somebody_makes_up_goes_beyond_the_file(header: str) -> None:
    try:
        span = span_of(header, 100)
    except UnsatisfiableError:
        return
    assert span is None or 0 <= span.start < span.end <= 100


def test_a_range_of_another_state_of_the_file_is_passed_over() -> None:
    assert wanted("bytes=0-1", None, '"a"') == "bytes=0-1"
    assert wanted("bytes=0-1", '"a"', '"a"') == "bytes=0-1"
    assert wanted("bytes=0-1", '"b"', '"a"') is None
    assert wanted("bytes=0-1", "Wed, 21 Oct 2026 07:28:00 GMT", '"a"') is None
    assert is_known('"b", W/"a"', '"a"')
    assert is_known("*", '"a"')
    assert not is_known(None, '"a"')
