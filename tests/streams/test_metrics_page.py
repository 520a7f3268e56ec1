"""Whatever a part answers is a page or is refused, and gives only what can be stored."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.metrics_page import MOST_BYTES, MOST_LINES, PageError, clean, read_page
from streams.watched import Watched
from tests.streams.pages import NOW, Bridge, one


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "nothing in it begins with"),
        ("<html>\n<body>502 Bad Gateway</body>\n", "nothing in it begins with"),
        ("go_goroutines 7\n", "nothing in it begins with"),
        ("ioc_ingest_received_total", "no metrics page"),
        ('ioc_x{reason="a 1\n', "no metrics page"),
        ("ioc_x one\n", "no metrics page"),
        ('ioc_x{a="s",\x85="b"} 1\n', "no metrics page"),  # here the parser stumbles
        ("ioc_x NaN\n", "nothing in it begins with"),
        ("ioc_x 1\n" * (MOST_LINES + 1), "lines of figures"),
        ("#" * (MOST_BYTES + 1), "characters"),
    ],
)
def test_what_is_no_page_is_refused_with_a_reason(text: str, why: str) -> None:
    with pytest.raises(PageError, match=why):
        read_page(text)


def test_of_anothers_page_only_the_process_is_read() -> None:
    page = read_page('go_info{x="\n" broken\nprocess_cpu_seconds_total 3\n# HELP ioc_x\n')
    assert set(page.samples) == {"process_cpu_seconds_total"}
    assert one(Watched().look(page, 0, NOW), "up") == 1


@given(st.text())
def test_any_text_is_a_page_or_is_refused(text: str) -> None:
    _read_and_look(text, text)


@given(st.data())
def test_a_garbled_page_is_read_or_refused_and_gives_only_finite_figures(
    data: st.DataObject,
) -> None:
    bridge = Bridge()
    bridge.handle(70)
    bridge.counters.set_aside["schema"] += 2
    bridge.counters.observe_latency(0.02)
    before = bridge.text()
    text = before
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(at, min(len(text), at + 40)))
        what = st.one_of(st.text(max_size=20), st.sampled_from(["NaN", "-Inf", "1e999", "{}", "="]))
        text = text[:at] + data.draw(what) + text[end:]
    _read_and_look(before, text)


def _read_and_look(*texts: str) -> None:
    watched = Watched()
    for number, text in enumerate(texts):
        try:
            page = read_page(text)
        except PageError as error:
            assert str(error).isprintable()
            continue
        for value in watched.look(page, number * 15.0, NOW):
            assert math.isfinite(value.value), value
            assert len(value.label) <= 100 and value.label.isprintable()


@given(st.text())
def test_a_label_can_always_be_stored(text: str) -> None:
    kept = clean(text)
    assert kept.isprintable() and len(kept) <= 100 and "\0" not in kept
    kept.encode()
