"""The pages of the screens: who sees what, what addresses mean, and what a fault leaves whole."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from psycopg import AsyncConnection

from console import screen_answers as answers
from console.pages.screens import REFRESH_S, href
from console.screens.tile import draw
from dashboards import query
from dashboards.screens import SCREENS
from ioc.settings import DatabaseSettings
from ioc.site import load_sites, sites_folder
from store.people import ROLES
from store.writers import upsert_sites
from tests.console.custody import Console, running
from tests.console.screens.tiles import column, parse, screen, tile
from tests.console.walls import PLATE, Rows

AGES = tile(
    "table", column("name_vi"), column("as_of", "time"), query="age-flow", size=(12, 12),
    link="/queue",
)  # fmt: skip
NEXT = tile(
    "table", column("name_vi"), column("as_of", "time"), query="age-flow", size=(12, 12), link="hai"
)


@pytest.fixture
async def console(database: DatabaseSettings, tmp_path: Path) -> AsyncIterator[Console]:
    """With two small screens in the place of the wall's, and two towns."""
    async with running(database, tmp_path) as one:
        one.app.state.screens.screens = (
            screen(AGES, NEXT, uid="mot"), screen(AGES, uid="hai"),
        )  # fmt: skip
        sites = load_sites(sites_folder())
        rows = Rows()
        async with await AsyncConnection.connect(database.url, autocommit=True) as connection:
            await upsert_sites(connection, sites)
            for site in sites:
                lane = site.cameras[0].lanes[0].id
                rows.flow(
                    site.path("cam-1"), one.clock.now - timedelta(seconds=9), lane, 30.0, car=2
                )
                rows.violation(site.path("cam-1"), one.clock.now, "red_light")
            await rows.store(connection, sites)
        yield one


@pytest.fixture
async def operator(console: Console) -> AsyncIterator[httpx.AsyncClient]:
    async with console.as_("operator") as client:
        client.headers["accept"] = "text/html"
        yield client


async def test_a_page_has_its_tiles_and_nothing_inline(operator: httpx.AsyncClient) -> None:
    answer = await operator.get("/wall/s/mot")
    assert answer.status_code == 200
    assert "style=" not in answer.text and "<style" not in answer.text
    page = parse(re.sub(r"<!doctype html>", "", answer.text))
    assert [one.attributes["data-tile"] for one in page.all("section")] == ["one-0", "one-1"]
    assert {script.attributes.get("src", "").split("?")[0] for script in page.all("script")} == {
        "/static/screens.js", "",
    }  # fmt: skip
    (words,) = [one for one in page.all("script") if "src" not in one.attributes]
    assert words.attributes["type"] == "application/json"
    told = json.loads(words.children[0] if isinstance(words.children[0], str) else "")
    assert told["screens_old"] == "CŨ {age}"
    board = next(one for one in page.all("div") if one.attributes.get("id") == "board")
    assert board.attributes["data-uids"] == "mot hai"
    assert board.attributes["data-refresh"] == str(REFRESH_S) == "10"
    assert "data-play" not in board.attributes
    names = page.all("section")[0].texts("th")
    assert "Giao lộ Hùng Vương – Quốc lộ 1" in " ".join(names)


async def test_the_fragment_is_the_same_screen(operator: httpx.AsyncClient) -> None:
    whole = (await operator.get("/wall/s/mot")).text
    answer = await operator.get("/wall/s/mot/tiles")
    part = parse(answer.text).all("div")[0]
    assert part.attributes["id"] == "screen" and part.attributes["data-uid"] == "mot"
    assert part.attributes["data-before"] == part.attributes["data-after"] == "hai"
    assert part.attributes["data-title"] == "Màn hình mot"
    assert len(part.all("section")) == 2 and "<html" not in answer.text
    tiles = re.findall(r"<section.*?</section>", answer.text, re.S)
    assert all(one in whole for one in tiles)
    assert answer.headers["cache-control"] == "no-store"


async def test_names_of_people_and_plates_are_nowhere(operator: httpx.AsyncClient) -> None:
    for path in ("/wall/s/mot", "/wall/s/mot/tiles", "/wall/screens"):
        assert PLATE not in (await operator.get(path)).text


@pytest.mark.parametrize("role", ROLES)
async def test_every_role_looks_and_follows_only_where_it_may(console: Console, role: Any) -> None:
    async with console.as_(role) as client:
        for path in ("/wall/screens", "/wall/s/mot", "/wall/s/mot/tiles"):
            assert (await client.get(path)).status_code == 200, path
        part = parse((await client.get("/wall/s/mot/tiles?city=ngabay")).text)
    links = [one.attributes["href"] for one in part.all("a")]
    may = role in ("reviewer", "supervisor", "auditor")
    assert links == [*(["/queue"] if may else []), "/wall/s/hai?city=ngabay"]


def test_every_link_of_the_screens_leads_somewhere() -> None:
    from uuid import uuid4

    from console.auth.guard import Visitor

    uids = {one.uid for one in SCREENS}
    who = Visitor(uuid4(), "a", "A", "admin", "vi", "auto", b"", "", "")
    for one in SCREENS:
        for each in one.tiles:
            if each.link and not each.link.startswith("/"):
                assert each.link in uids, each.link
                assert href(each, who, "") == f"/wall/s/{each.link}"
            elif each.link:
                from console.auth.access import ROUTES

                assert f"GET {each.link}" in ROUTES, each.link


async def test_a_choice_of_places(operator: httpx.AsyncClient) -> None:
    both = parse((await operator.get("/wall/s/mot/tiles")).text).all("section")[0].text
    assert "Hùng Vương" in both and "Trần Hưng Đạo" in both
    one = parse((await operator.get("/wall/s/mot/tiles?city=ngabay")).text)
    assert "Hùng Vương" in one.text and "Trần Hưng Đạo" not in one.text
    assert one.one(".only").text == "Chỉ: Ngã Bảy"
    site = parse((await operator.get("/wall/s/mot/tiles?site=tran-hung-dao")).text)
    assert "Trần Hưng Đạo" in site.all("section")[0].text and "Hùng Vương" not in site.text
    two = await operator.get("/wall/s/mot?city=ngabay&city=vithanh&site=tran-hung-dao")
    assert 'data-query="?city=ngabay&amp;city=vithanh&amp;site=tran-hung-dao"' in two.text


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/wall/s/khong-co", 404, "Không có màn hình “khong-co”. Có: mot, hai."),
        ("/wall/s/khong-co/tiles", 404, "Không có màn hình “khong-co”"),
        ("/wall/s/mot?city=hanoi", 422, "Không có đô thị “hanoi”. Có: ngabay, vithanh."),
        (
            "/wall/s/mot/tiles?city=ngabay&site=tran-hung-dao",
            422,
            "Không có nút giao “tran-hung-dao” trong đô thị đã chọn. Có: hung-vuong.",
        ),
        ("/wall/screens?site=<script>", 422, "“&lt;script&gt;”"),
        ("/wall/s/mot?city=" + "a" * 65, 422, "city"),
        ("/wall/s/mot?" + "&".join(["site=hung-vuong"] * 201), 422, "site"),
        ("/wall/s/mot?play=4", 422, "play"),
        ("/wall/s/mot?play=nhanh", 422, "play"),
        ("/wall/s/mot?city=%00", 422, "Có: ngabay, vithanh"),
    ],
)
async def test_an_address_that_means_nothing_is_refused_with_what_there_is(
    operator: httpx.AsyncClient, path: str, status: int, told: str
) -> None:
    answer = await operator.get(path)
    assert answer.status_code == status and told in answer.text
    assert "<script>" not in answer.text.split("<main")[1]


async def test_play_and_kiosk_leave_the_bar_out(operator: httpx.AsyncClient) -> None:
    plain = (await operator.get("/wall/s/mot")).text
    assert '<header class="top">' in plain
    for query_ in ("?kiosk=1", "?play=30", "?play=5&kiosk=0"):
        assert '<header class="top">' not in (await operator.get("/wall/s/mot" + query_)).text
    assert 'data-play="30"' in (await operator.get("/wall/s/mot?play=30")).text


async def test_the_list_of_screens(operator: httpx.AsyncClient) -> None:
    page = parse(
        re.sub("<!doctype html>", "", (await operator.get("/wall/screens?city=ngabay")).text)
    )
    links = [one.attributes["href"] for one in page.all("a")]
    assert "/wall/s/mot?city=ngabay&play=30" in links
    assert {"/wall/s/mot?city=ngabay", "/wall/s/hai?city=ngabay"} <= set(links)
    checked = [one.attributes["value"] for one in page.all("input") if "checked" in one.attributes]
    assert checked == ["ngabay"]
    assert "/wall/screens" in (await operator.get("/wall")).text
    assert "/wall/screens" not in (await operator.get("/wall?kiosk=1")).text


async def test_in_english(console: Console) -> None:
    async with console.as_("reviewer") as client:
        async with console.context.pool.connection() as connection:
            await connection.execute("UPDATE person SET language = 'en'")
        text = (await client.get("/wall/s/mot")).text
        assert 'lang="en"' in text and "Màn hình mot (en)" in text and "Ô thử (en)" in text
        refused = await client.get("/wall/s/x")
        assert refused.json()["message"] == "There is no screen “x”. There are: mot, hai."


async def test_one_tile_that_fails_takes_no_other_along(
    console: Console, operator: httpx.AsyncClient, database: DatabaseSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    locked = tile(
        "stat", column("waiting", "count"), column("as_of", "time"), query="overview-review",
        size=(12, 12),
    )  # fmt: skip
    console.app.state.screens.screens = (screen(AGES, locked, uid="mot"),)
    monkeypatch.setattr(answers, "_SETUP", answers._SETUP.replace("'5s'", "'150ms'"))
    monkeypatch.setattr(answers, "REST_S", 0.05)
    monkeypatch.setattr(answers, "BUCKET_S", 0.1)
    async with await AsyncConnection.connect(database.url) as holder:
        await holder.execute("LOCK TABLE review_case IN ACCESS EXCLUSIVE MODE")
        answer = await operator.get("/wall/s/mot/tiles")
        assert answer.status_code == 200
        good, bad = parse(answer.text).all("section")
        assert "Hùng Vương" in good.text and "failed" not in good.classes
        assert "Truy vấn overview-review chạy quá 5 giây" in bad.text and "failed" in bad.classes
        await holder.rollback()
    import asyncio

    await asyncio.sleep(0.3)
    _, healed = parse((await operator.get("/wall/s/mot/tiles")).text).all("section")
    assert "failed" not in healed.classes and healed.all(".amount")


async def test_a_tile_that_cannot_be_drawn_takes_no_other_along(
    operator: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(of: Any, place: Any, answer: Any, *more: Any, **named: Any) -> Any:
        if of.id == "one-1" and answer is not None:
            raise ValueError("a row that nobody thought of")
        return draw(of, place, answer, *more, **named)

    monkeypatch.setattr("console.screen_show.draw", broken)
    good, bad = parse((await operator.get("/wall/s/mot/tiles")).text).all("section")
    assert "Hùng Vương" in good.text
    assert "Không vẽ được ô này" in bad.text and "nobody thought" not in bad.text


async def test_drawings_are_shared_and_bounded(
    console: Console, operator: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = 0

    def counted(*given: Any, **named: Any) -> Any:
        nonlocal times
        times += 1
        return draw(*given, **named)

    monkeypatch.setattr("console.screen_show.draw", counted)
    for _ in range(4):
        await operator.get("/wall/s/mot/tiles")
    assert times <= 4  # two tiles, and two more if a bucket ended meanwhile
    monkeypatch.setattr("console.screen_show.MOST_DRAWN", 3)
    for city in ("ngabay", "vithanh"):
        await operator.get(f"/wall/s/mot/tiles?city={city}")
    assert len(console.app.state.screens._drawn) <= 3


@pytest.mark.parametrize(("role", "stays"), [("operator", True), ("supervisor", False)])
async def test_a_screen_keeps_an_operator_logged_in_and_nobody_who_may_open_cases(
    console: Console, role: Any, stays: bool
) -> None:
    async with console.as_(role) as client, console.context.pool.connection() as connection:
        await connection.set_autocommit(True)
        began = console.clock.now
        console.clock.now = began + timedelta(minutes=20)
        assert (await client.get("/wall/s/mot/tiles")).status_code == 200
        cursor = await connection.execute("SELECT max(last_seen) FROM session")
        row = await cursor.fetchone()
        assert row is not None and (row[0] > began + timedelta(minutes=19)) is stays
        console.clock.now = began + timedelta(minutes=40)
        status = (await client.get("/wall/s/mot/tiles")).status_code
        assert status == (200 if stays else 401)


async def test_an_empty_database_has_screens_too(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with running(database, tmp_path) as console, console.as_("operator") as client:
        for one in SCREENS:
            answer = await client.get(f"/wall/s/{one.uid}/tiles")
            assert answer.status_code == 200
            tree = parse(answer.text)
            assert len(tree.all("section")) == len(one.tiles)
            assert not tree.all(".fault-word"), (one.uid, tree.text)
        assert (await client.get("/wall/screens")).status_code == 200
        refused = await client.get("/wall/s/tong-quan?city=x")
        assert refused.status_code == 422


def test_queries_of_the_wall_know_no_plate() -> None:
    for name in query.names():
        assert not re.search(r"plate|locked_by|\bperson\b", query.text(name)), name


def test_the_words_of_the_script_are_there() -> None:
    from console.render import STATIC
    from console.texts import texts

    used = set(re.findall(r'say\("(\w+)"', (STATIC / "screens.js").read_text("utf-8")))
    used |= set(re.findall(r'"((?:wall|screens)_\w+)"', (STATIC / "screens.js").read_text("utf-8")))
    assert len(used) > 6 and used <= texts().keys(), used - texts().keys()
    source = "".join(
        path.read_text("utf-8")
        for path in [*STATIC.parent.rglob("*.py"), *STATIC.parent.glob("templates/*.html"),
                     *STATIC.glob("*.js")]
    )  # fmt: skip
    for key in texts():
        if key.startswith("screens_") and not key.startswith("screens_unit_"):
            assert f'"{key}"' in source or key == "screens_title", f"{key}: nobody says it"
