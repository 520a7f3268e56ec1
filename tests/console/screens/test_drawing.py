"""What tiles show: the numbers of their rows, in the right place, with units, states and ages."""

from __future__ import annotations

from typing import Any

import pytest

from console.screens.answer import Answer
from console.screens.maps import towns
from console.screens.sizes import DETAIL, FIGURE, FROM_AFAR
from console.screens.tile import Fault
from console.screens.values import measure, span, write
from dashboards.screen import Column, Word
from tests.console.screens.tiles import (
    BARS,
    EN,
    HEAT,
    MAP,
    SERIES,
    STAT,
    TABLE,
    VI,
    Node,
    ago,
    answer,
    column,
    drawn,
    points,
    tile,
    word,
)


@pytest.mark.parametrize(
    ("value", "unit", "decimals", "vi", "en"),
    [
        (1234.56, "count", 0, "1.235", "1,235"),
        (1234.56, "veh/h", 1, "1.234,6 xe/h", "1,234.6 veh/h"),
        (-0.04, "m", 1, "0,0 m", "0.0 m"),
        (-1.25, "m", 2, "−1,25 m", "−1.25 m"),
        (0.953, "ratio", 1, "95,3%", "95.3%"),
        (95.3, "%", 1, "95,3%", "95.3%"),
        (4, "level", 0, "4/5", "4/5"),
        (12.34, "ug/m3", 0, "12 µg/m³", "12 µg/m³"),
        (45, "s", 0, "45 s", "45 s"),
        (0.25, "s", 2, "0,25 s", "0.25 s"),
        (258, "s", 0, "4 phút", "4 min"),
        (9000, "s", 0, "2,5 giờ", "2.5 h"),
        (400_000, "s", 0, "4,6 ngày", "4.6 d"),
        (250, "ms", 0, "250 ms", "250 ms"),
        (15_000, "ms", 0, "15 s", "15 s"),
        (212, "d", 0, "212 ngày", "212 d"),
        (1536, "B", 0, "1,5 KiB", "1.5 KiB"),
        (3 * 1024**4, "B", 0, "3,0 TiB", "3.0 TiB"),
        (12_345_678_901, "count", 0, "12,35 tỷ", "12.35 bn"),
        (1e40, "count", 0, "∞", "∞"),
        (None, "km/h", 0, "–", "–"),
    ],
)
def test_a_number_is_written_with_its_unit(
    value: Any, unit: Any, decimals: int, vi: str, en: str
) -> None:
    for look, told in ((VI, vi), (EN, en)):
        assert str(measure(value, unit, decimals, look)).replace("\u00a0", " ") == told


def test_instants_are_vietnams_and_words_are_the_viewers() -> None:
    when = column("at", "time")
    assert write(ago(60), when, VI).text == "10:06"
    assert write(ago(86_400), when, VI).text == "10:07 19/11"
    assert write(ago(400 * 86_400), when, VI).text == "16/10/2025"
    kind = Column(
        name="kind", title=word("Loại"), words={"red_light": Word(vi="Vượt đèn đỏ", en="Red light")}
    )
    assert write("red_light", kind, VI).text == "Vượt đèn đỏ"
    assert write("red_light", kind, EN).text == "Red light"
    assert write("new_one", kind, EN).text == "new_one"
    assert [span(s, VI) for s in (5, 99, 100, 6000, 200_000)] == [
        "5 giây", "99 giây", "1 phút", "1 giờ", "2 ngày",
    ]  # fmt: skip


def test_a_stat_shows_each_column_large() -> None:
    shown = drawn(STAT, answer(STAT, {"first": 12, "second": 34.56}))
    figures = shown.all(".amount")
    assert [one.text for one in figures] == ["12", "34,6"]
    assert [stat.one(".name").text for stat in shown.all(".stat")] == ["First", "Second"]
    assert shown.one("small").text == "km/h"
    sizes = {int(name[1:]) for one in figures for name in one.classes if name[1:].isdigit()}
    assert len(sizes) == 1 and sizes.pop() >= FIGURE


@pytest.mark.parametrize(
    ("state", "said", "loud"),
    [("ok", "Bình thường", False), ("alarm", "Báo động", True), ("warn", "Cảnh báo", True),
     ("none", "Không có số liệu", False), ("nonsense", "Không có số liệu", False)],
)  # fmt: skip
def test_a_state_is_a_sign_a_word_and_a_colour(state: str, said: str, loud: bool) -> None:
    badge = drawn(STAT, answer(STAT, {"first": 1, "second": 2, "state": state})).one(".badge")
    assert badge.text == said and len(badge.all("svg")) == 1
    assert ({"alarm", "warn"} & set(badge.classes) != set()) is loud
    signs = {
        drawn(STAT, answer(STAT, {"state": one})).one(".badge").one("path").attributes["d"]
        for one in ("ok", "warn", "alarm")
    }
    assert len(signs) == 3  # told apart without any colour


def rows_of(shown: Node) -> list[list[str]]:
    return [[cell.text for cell in row.children if isinstance(cell, Node)]
            for body in shown.all("tbody") for row in body.all("tr")]  # fmt: skip


def test_a_table_shows_rows_in_order_with_states_and_what_is_old() -> None:
    given = answer(
        TABLE,
        {"name": "Một", "speed": 31.4, "place": "A", "state": "alarm", "as_of": ago(10)},
        {"name": "Hai", "speed": None, "place": "B", "state": "ok", "as_of": ago(900)},
    )
    shown = drawn(tile("table", *TABLE.columns, size=(24, 4)), given)
    assert shown.texts("th")[:2] == ["Name", "Tình trạng"]
    assert "Speed (km/h)" in shown.texts("th")
    first, second = rows_of(shown)
    assert first[:4] == ["Một", "Báo động", "31", "A"] and second[2] == "–"
    bodies = shown.all("tbody")
    assert "alarm" in bodies[0].classes and "aged" not in bodies[0].classes
    assert "aged" in bodies[1].classes
    old = list(bodies[1].all(".row-old"))
    assert old and old[0].children == ["CŨ 15 phút"]  # in the column that tells the age
    assert [one.text for one in shown.all(".badge")] == ["1 báo động"]


def test_what_a_table_has_no_room_for_is_told() -> None:
    small = tile("table", *TABLE.columns, size=(8, 4))
    rows = [{"name": f"Nút {n}", "speed": n, "place": "ở xa", "state": "warn" if n > 20 else "ok"}
            for n in range(30)]  # fmt: skip
    shown = drawn(small, answer(small, *rows))
    count = len(shown.all("tbody"))
    assert 2 <= count < 10
    more = shown.one(".more").text
    assert f"và {30 - count} dòng khác" in more and "9" in more  # nine of them are abnormal
    cut = Answer(tuple(c.name for c in TABLE.columns), ((None,) * 5,) * 3, cut=True)
    assert "chỉ đọc 3 dòng đầu" in drawn(TABLE, cut).text


def test_letters_are_as_large_as_there_is_room() -> None:
    def size(*rows: dict[str, Any], **more: Any) -> int:
        of = tile("table", column("name"), column("speed", "km/h"), STATE_FREE, **more)
        (table,) = drawn(of, answer(of, *rows)).all("table")
        return next(int(name[1:]) for name in table.classes if name[1:].isdigit())

    few = [{"name": "Một", "speed": 1}] * 3
    assert size(*few) == FROM_AFAR
    assert size(*few * 3) < FROM_AFAR
    assert size(*few * 9) == DETAIL


STATE_FREE = Column(name="as_of", title=word("Lúc"), unit="time")


def test_a_name_that_must_be_cut_keeps_what_tells_it_apart() -> None:
    narrow = tile("bars", column("name"), column("length", "count"), size=(6, 6))
    names = [f"Ngã tư Trần Hưng Đạo – Nguyễn Công Trứ · in-{n}" for n in range(9)]
    shown = drawn(narrow, answer(narrow, *({"name": name, "length": 1} for name in names)))
    told = shown.texts("th")
    assert all("…" in one and one.endswith(f"in-{n}") for n, one in enumerate(told))


def test_bars_are_as_long_as_their_numbers() -> None:
    given = answer(
        BARS, {"name": "A", "length": 40}, {"name": "B", "length": 10, "state": "warn"},
        {"name": "C", "length": None}, {"name": "D", "length": -3},
    )  # fmt: skip
    shown = drawn(BARS, given)
    assert [float(one.attributes["width"]) for one in shown.all(".fill")] == [1000, 250, 0, 0]
    assert [row[-1] for row in rows_of(shown)] == ["40", "10", "–", "−3"]
    assert "warn" in shown.all("tbody")[1].classes
    share = tile("bars", column("name"), column("length", "ratio"))
    half = drawn(share, answer(share, {"name": "A", "length": 0.5}))
    assert [one.attributes["width"] for one in half.all(".fill")] == ["500"]
    assert rows_of(half)[0][-1] == "50%"
    speed = tile("bars", column("name"), column("length", "km/h"))
    assert "· km/h" in drawn(speed, answer(speed, {"name": "A", "length": 1})).one("h2").text


def test_a_heat_map_has_an_hour_a_cell_and_greys_by_size() -> None:
    busy = {f"h{hour:02}": hour * 10 for hour in range(24)} | {"h05": None, "h00": 0}
    shown = drawn(HEAT, answer(HEAT, {"name": "Nút", **busy}))
    cells = list(shown.one("tbody").all("td"))
    assert len(cells) == 24
    greys = [next(name for name in one.classes if name[0] == "q") for one in cells]
    assert greys[0] == "q0" and greys[5] == "qn" and greys[23] == "q8" and greys[12] == "q5"
    assert [one.attributes["title"] for one in cells][23] == "23 h: 230"
    assert shown.one(".key").text.split() == ["0", "230"]
    hours = [one.text for one in shown.one("thead").all("th")]
    assert hours[0] == "00" and hours == sorted(hours)


def test_towns_far_apart_have_maps_of_their_own() -> None:
    def row(name: str, latitude: float, longitude: float, **more: Any) -> dict[str, Any]:
        return {"name": name, "latitude": latitude, "longitude": longitude, "value": 1234, **more}

    given = answer(
        MAP, row("Vị Thanh A", 9.780, 105.470), row("Vị Thanh B", 9.786, 105.474, state="alarm"),
        row("Ngã Bảy", 9.816, 105.820, as_of=ago(600)), row("Không đâu", 200, 105.8),
    )  # fmt: skip
    shown = drawn(MAP, given)
    assert len(shown.all(".ground")) == 2
    spots = {" ".join(one.texts(".name")): one for one in shown.all(".spot")}
    assert spots.keys() == {"Vị Thanh A", "Vị Thanh B", "Ngã Bảy"}
    assert "alarm" in spots["Vị Thanh B"].classes
    assert spots["Vị Thanh B"].one(".value").text == "1.234"
    assert (
        spots["Ngã Bảy"].one(".value").text == "CŨ 10 phút" and "aged" in spots["Ngã Bảy"].classes
    )

    def at(name: str) -> tuple[float, float]:
        x, y = spots[name].one(".sign").attributes["transform"][10:].split(")")[0].split(" ")
        return float(x), float(y)

    # North is up and east is right: 663 m against 438 m.
    (ax, ay), (bx, by) = at("Vị Thanh A"), at("Vị Thanh B")
    assert ay > by and ax < bx and (ay - by) / (bx - ax) == pytest.approx(667 / 438, rel=0.02)


def test_maps_name_the_worst_where_there_is_no_room_for_all() -> None:
    rows = [
        {"name": f"Ngã tư đường số {n}", "latitude": 9.78 + n % 7 / 900, "value": n,
         "longitude": 105.47 + n // 7 / 900, "state": "alarm" if n == 44 else "ok"}
        for n in range(60)
    ]  # fmt: skip
    shown = drawn(MAP, answer(MAP, *rows))
    named = [" ".join(one.texts(".name")) for one in shown.all(".spot") if one.all(".name")]
    assert len(shown.all(".spot")) == 60 and 3 < len(named) < 60
    assert any(name.startswith("Ngã tư đường") and name.endswith("44") for name in named)
    assert f"{60 - len(named)} nút không đủ chỗ ghi tên" in shown.text
    assert "alarm" in shown.all(".spot")[-1].classes  # drawn last, over the others


def test_junctions_all_over_the_country_share_a_map() -> None:
    from console.screens.maps import Spot

    spots = [Spot(n * 20_000.0, 0, f"{n}", "ok", "", "") for n in range(5)]
    assert [len(group) for group in towns(spots)] == [5]
    assert [len(group) for group in towns(spots[:2])] == [1, 1]


def test_every_tile_shows_the_age_of_its_data() -> None:
    for of, given in (
        (STAT, answer(STAT, {"first": 1, "second": 2, "as_of": ago(75)})),
        (TABLE, answer(TABLE, {"name": "A", "as_of": ago(4000)}, {"name": "B", "as_of": ago(75)})),
        (BARS, answer(BARS, {"name": "A", "length": 1, "as_of": ago(75)})),
        (HEAT, answer(HEAT, {"name": "A", "h03": 1, "as_of": ago(75)})),
        (MAP, answer(MAP, {"latitude": 9.7, "longitude": 105.4, "name": "A", "as_of": ago(75)})),
        (SERIES, points((ago(75), "A", 1.0))),
    ):
        shown = drawn(of, given).one("section")
        assert float(shown.attributes["data-as-of"]) == ago(75).timestamp(), of.kind
        assert shown.attributes["data-fresh"] == "120"
        assert shown.one(".age-word").text == "75 giây" and "stale" not in shown.classes
        never = drawn(of, given, fault=None)
        assert never.one("section").attributes["data-tile"] == "one"
    ahead = drawn(STAT, answer(STAT, {"first": 1, "second": 2, "as_of": ago(-500)})).one("section")
    assert ahead.one(".age-word").text == "0 giây"  # a clock ahead makes nothing younger
    never = drawn(STAT, answer(STAT, {"first": None, "second": None, "as_of": None})).one("section")
    assert never.one(".age-word").text == "chưa có" and "data-as-of" not in never.attributes
    timeless = tile("stat", *STAT.columns, fresh_s=None)
    old = drawn(timeless, answer(timeless, {"first": 1, "second": 2, "as_of": ago(1e7)}))
    assert "stale" not in old.one("section").classes


def test_no_rows_is_said() -> None:
    for of in (STAT, SERIES, BARS, HEAT, TABLE, MAP):
        empty = Answer(tuple(one.name for one in of.columns), ())
        shown = drawn(of, empty)
        assert shown.one(".empty").text == "Chưa có dữ liệu", of.kind
    assert drawn(SERIES, points((ago(1), "A", None))).one(".empty")


def test_what_failed_stands_in_the_tile() -> None:
    fault = Fault("screens_fault_slow", (("query", "traffic-week"), ("seconds", "5")))
    bare = drawn(STAT, None, fault=fault)
    assert "Không đọc được" in bare.text
    assert "Truy vấn traffic-week chạy quá 5 giây nên bị dừng." in bare.text
    assert "ran longer than 5 s" in drawn(STAT, None, EN, fault=fault).text
    kept = answer(STAT, {"first": 12, "second": 3, "as_of": ago(80)})
    shown = drawn(STAT, kept, fault=fault)
    assert "Không đọc được số liệu mới" in shown.text and shown.texts(".amount")[0] == "12"
    assert shown.one(".age-word").text == "80 giây"
    assert "failed" in shown.one("section").classes


def test_a_query_without_a_column_of_the_tile_is_a_fault() -> None:
    shown = drawn(STAT, Answer(("first",), ((1,),)))
    assert "Truy vấn age-flow không trả về cột: second, state, as_of." in shown.text


def test_english_rows_have_english_names() -> None:
    of = tile("table", column("name_vi"), column("value", "count"))
    given = Answer(("name_vi", "name_en", "value"), (("Chợ nổi", "Floating market", 1),))
    assert "Chợ nổi" in drawn(of, given).text
    assert "Floating market" in drawn(of, given, EN).text


def test_a_title_leads_where_it_may() -> None:
    given = answer(STAT, {"first": 1, "second": 2})
    title = drawn(STAT, given, href="/queue").one("h2")
    assert title.one("a").attributes["href"] == "/queue" and title.text == "Ô thử"
    assert title.attributes["title"] == "Điều được đếm"
    assert drawn(STAT, given).all("a") == []
