"""The wall in a real browser: legible from 5 m, one screen, old data looks old.

``IOC_TEST_SHOTS`` names a folder that keeps the pictures, to be looked at.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect
from psycopg import AsyncConnection

from console.auth.guard import token_of
from ioc.clock import VIETNAM, utc_now
from ioc.local_process import free_port
from ioc.settings import DatabaseSettings
from store.wall import JUDGE_LOCK
from tests.browser.towns import fill, flood, province, queue
from tests.console.walls import Connection, Rows, log_in, raise_alert, serve, settings_of

pytestmark = [pytest.mark.service, pytest.mark.slow]

FULL_HD = (1920, 1080)
ULTRA_HD = (3840, 2160)

CHECK = Path(__file__).with_name("legible.js").read_text(encoding="utf-8")
"""Returns what is too small, cut, overlapping or off the screen."""

FROM_5_M = {
    # A 55-inch panel of 1080 lines has 0.634 mm a line. From 5 m a capital should be 25 mm high
    # (distance / 200): 40 lines. Everything else has letters of 20 lines.
    "least": 20,
    "capital": 40,
    "figure": ".figure",
    "frames": ".tile, .head, .side",
    "cells": ".site, .alert, .kind, .value, .places li",
}


@pytest.fixture
async def connection(database: DatabaseSettings) -> AsyncIterator[Connection]:
    async with await AsyncConnection.connect(database.url, autocommit=True) as opened:
        await opened.execute("SELECT pg_advisory_lock(%s)", (JUDGE_LOCK,))
        yield opened


class Faults(list[str]):
    """What the browser complains of; nothing refused by the page's own rules may be among it."""


@asynccontextmanager
async def opened(
    browser: Browser,
    url: str,
    cookie: str,
    size: tuple[int, int] = FULL_HD,
    query: str = "?kiosk=1",
) -> AsyncIterator[tuple[Page, Faults]]:
    """A wall that has its figures."""
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]}, timezone_id="America/New_York"
    )
    await context.add_cookies([{"name": "ioc", "value": cookie, "url": url}])
    page = await context.new_page()
    faults = Faults()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda told: faults.append(told.text) if told.type == "error" else None)
    await page.goto(f"{url}/wall{query}")
    await expect(page.locator('.tile[data-tile="review"] .age')).to_contain_text(re.compile(r"\d"))
    await page.evaluate("document.fonts.ready")
    yield page, faults
    await context.close()


async def shoot(page: Page, tmp_path: Path, name: str) -> None:
    folder = Path(os.environ.get("IOC_TEST_SHOTS", tmp_path))
    await page.screenshot(path=folder / f"wall-{name}.png")


async def assert_legible(page: Page) -> None:
    faults: Sequence[str] = await page.evaluate(CHECK, FROM_5_M)
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("theme", ["auto", "light"])
async def test_two_towns(
    browser: Browser,
    connection: Connection,
    database: DatabaseSettings,
    tmp_path: Path,
    language: str,
    theme: str,
) -> None:
    sites, now = province(2), utc_now()
    await fill(connection, sites, now, silent=[(0, "cam-2")])
    await flood(connection, sites[0], "water-1", now)
    await queue(connection, sites[1], now)
    cookie = await log_in(connection, language=language, theme=theme)
    async with serve(settings_of(database, tmp_path)) as served:
        for size in (FULL_HD, ULTRA_HD):
            async with opened(browser, served.url, cookie, size) as (page, faults):
                await shoot(page, tmp_path, f"two-{size[0]}-{theme}-{language}")
                await assert_legible(page)
                assert faults == []
                ground = await page.evaluate("getComputedStyle(document.body).backgroundColor")
                assert ground == ("rgb(243, 245, 247)" if theme == "light" else "rgb(16, 22, 28)")
        async with opened(browser, served.url, cookie, query="") as (page, faults):
            # With the bar of the console at the top it still is one screen.
            await expect(page.locator("header.top")).to_be_visible()
            await assert_legible(page)
            text = await page.locator("#board").inner_text()
            assert ("Ùn tắc" if language == "vi" else "Jammed") in text
            assert ("VƯỢT 1,6 m" if language == "vi" else "OVER 1.6 m") in text


@pytest.mark.parametrize("count", [1, 3, 8, 40])
async def test_any_number_of_sites(
    browser: Browser,
    connection: Connection,
    database: DatabaseSettings,
    tmp_path: Path,
    count: int,
) -> None:
    sites, now = province(max(count, 2))[:count], utc_now()
    jammed = [
        (place, share) for place, share in ((3, 0.25), (7, 0.35), (20, 0.45)) if place < count
    ]
    await fill(
        connection, sites, now, jammed=jammed,
        silent=[(4, "cam-1"), (4, "air-1"), (9, "water-1")] if count == 40 else [],
        stale=[5, 6] if count >= 8 else [],
    )  # fmt: skip
    cookie = await log_in(connection)
    async with serve(settings_of(database, tmp_path)) as served:
        for size in (FULL_HD, ULTRA_HD):
            async with opened(browser, served.url, cookie, size) as (page, faults):
                await shoot(page, tmp_path, f"{count}-sites-{size[0]}")
                await assert_legible(page)
                assert faults == []
        async with opened(browser, served.url, cookie) as (page, _):
            shown = page.locator(".site")
            if count == 40:
                # The worst are there, and nobody is left out in silence.
                assert [await shown.nth(n).locator(".badge").inner_text() for n in range(3)] == [
                    "5", "4", "3",
                ]  # fmt: skip
                await expect(shown.nth(3)).to_contain_text("DỮ LIỆU CŨ")
                await expect(page.locator('.tile[data-tile="flow"] .more')).to_have_text(
                    f"và {40 - await shown.count()} nút khác, không xấu hơn"
                )
                await expect(page.locator('.tile[data-tile="devices"]')).to_contain_text(
                    "im lặng: air-1, cam-1"
                )
            else:
                assert await shown.count() == count


async def test_nothing_yet(
    browser: Browser,
    connection: Connection,
    database: DatabaseSettings,
    tmp_path: Path,
) -> None:
    await connection.execute("SELECT pg_advisory_unlock_all()")
    cookie = await log_in(connection)
    async with (
        serve(settings_of(database, tmp_path)) as served,
        opened(browser, served.url, cookie) as (page, faults),
    ):
        await shoot(page, tmp_path, "nothing")
        for name in ("flow", "violations", "values", "devices"):
            tile = page.locator(f'.tile[data-tile="{name}"]')
            await expect(tile.locator(".body")).to_have_text("Chưa có dữ liệu")
        await expect(page.locator('.tile[data-tile="alerts"]')).to_contain_text("KHÔNG AI CANH")
        await expect(page.locator('.tile[data-tile="review"]')).to_contain_text("Không có vụ nào")
        await assert_legible(page)
        assert faults == []


async def test_normal_is_grey(
    browser: Browser,
    connection: Connection,
    database: DatabaseSettings,
    tmp_path: Path,
) -> None:
    sites, now = province(2), utc_now()
    await fill(connection, sites, now, jammed=[])
    cookie = await log_in(connection)
    colours = """() => [...document.querySelectorAll("#board *")].filter(
        (node) => node.checkVisibility()).flatMap((node) => {
        const style = getComputedStyle(node);
        return [style.color, style.backgroundColor, style.borderTopColor];
    }).filter((colour) => {
        const [r, g, b, a] = colour.match(/[\\d.]+/g).map(Number);
        return a !== 0 && Math.max(r, g, b) - Math.min(r, g, b) > 40;
    })"""
    async with (
        serve(settings_of(database, tmp_path)) as served,
        opened(browser, served.url, cookie) as (page, _),
    ):
        await shoot(page, tmp_path, "calm")
        assert await page.evaluate(colours) == []
        await flood(connection, sites[0], "water-1", now)
        limit = page.locator(".value.bad")
        await expect(limit).to_contain_text("VƯỢT", timeout=4000)
        await expect(limit.locator(".name svg")).to_be_visible()
        await expect(page.locator(".alert.bad svg").first).to_be_visible()
        assert await page.evaluate(colours) != []


async def test_a_tile_whose_data_stops_grows_old_by_itself(
    browser: Browser,
    connection: Connection,
    database: DatabaseSettings,
    tmp_path: Path,
) -> None:
    sites = province(2)
    await fill(connection, sites, utc_now() - timedelta(seconds=50))
    cookie = await log_in(connection)
    async with (
        serve(settings_of(database, tmp_path)) as served,
        opened(browser, served.url, cookie) as (page, _),
    ):
        flow = page.locator('.tile[data-tile="flow"]')
        before = await flow.locator(".age").inner_text()
        seconds = int(re.findall(r"\d+", before)[0])
        assert re.fullmatch(r"cập nhật \d+ giây trước", before) and 48 <= seconds <= 89
        await expect(flow.locator(".old")).to_be_hidden()
        await expect(flow).to_have_class(re.compile("stale"), timeout=60_000)
        await expect(flow.locator(".old")).to_have_text("DỮ LIỆU CŨ")
        assert float(await flow.locator(".body").evaluate("n => getComputedStyle(n).opacity")) < 0.6
        hatch = await flow.evaluate("n => getComputedStyle(n).backgroundImage")
        assert "repeating-linear-gradient" in hatch
        # Cases are asked for all the time: their tile is as young as ever.
        review = page.locator('.tile[data-tile="review"]')
        await expect(review).not_to_have_class(re.compile("stale"))
        await shoot(page, tmp_path, "old")
        await assert_legible(page)
        rows = Rows()
        rows.flow(sites[0].path("cam-1"), utc_now(), "eb-1", 30.0, car=4)
        await rows.store(connection, sites)
        await expect(flow).not_to_have_class(re.compile("stale"), timeout=4000)


async def test_a_lost_line_shows_and_heals(
    browser: Browser,
    connection: Connection,
    database: DatabaseSettings,
    tmp_path: Path,
) -> None:
    sites, now = province(2), utc_now()
    await fill(connection, sites, now)
    cookie = await log_in(connection)
    settings, port = settings_of(database, tmp_path), free_port()
    async with opened_after(browser, settings, port, cookie) as page:
        banner = page.locator("#banner")
        await expect(banner).to_contain_text("MẤT KẾT NỐI", timeout=3000)
        tiles = page.locator(".tile")
        for number in range(6):
            await expect(tiles.nth(number)).to_have_class(re.compile("stale"), timeout=10_000)
        ages = [await tiles.nth(number).locator(".age").inner_text() for number in range(6)]
        await asyncio.sleep(2.1)
        assert ages != [await tiles.nth(number).locator(".age").inner_text() for number in range(6)]
        await shoot(page, tmp_path, "lost")
        await assert_legible(page)
        async with serve(settings, port=port):
            await expect(banner).to_be_hidden(timeout=40_000)
            await expect(page.locator("#line")).to_have_text("Trực tiếp")
            await expect(tiles.nth(5)).not_to_have_class(re.compile("stale"))


@asynccontextmanager
async def opened_after(
    browser: Browser, settings: Any, port: int, cookie: str
) -> AsyncIterator[Page]:
    """A wall whose server is gone."""
    async with serve(settings, port=port) as served:
        window = opened(browser, served.url, cookie)
        page, _ = await window.__aenter__()
    try:
        yield page
    finally:
        await window.__aexit__(None, None, None)


async def test_the_database_away_shows(
    browser: Browser,
    connection: Connection,
    database: DatabaseSettings,
    tmp_path: Path,
) -> None:
    await fill(connection, province(2), utc_now())
    cookie = await log_in(connection)
    async with (
        serve(settings_of(database, tmp_path)) as served,
        opened(browser, served.url, cookie) as (page, _),
    ):
        # As if nobody answered any more: a table that every reading needs is locked.
        await connection.execute("BEGIN; LOCK TABLE device IN ACCESS EXCLUSIVE MODE")
        await expect(page.locator("#banner")).to_contain_text("MẤT CƠ SỞ DỮ LIỆU", timeout=20_000)
        await expect(page.locator(".tile").first).to_have_class(re.compile("stale"), timeout=10_000)
        await shoot(page, tmp_path, "database-away")
        await assert_legible(page)
        await connection.execute("ROLLBACK")
        await expect(page.locator("#banner")).to_be_hidden(timeout=20_000)


async def test_the_clock_is_vietnams_and_counts(
    browser: Browser,
    connection: Connection,
    database: DatabaseSettings,
    tmp_path: Path,
) -> None:
    cookie = await log_in(connection)
    async with (
        serve(settings_of(database, tmp_path)) as served,
        opened(browser, served.url, cookie) as (page, _),
    ):
        told = (await page.locator("#clock").text_content() or "").strip()
        now = utc_now().astimezone(VIETNAM)
        near = [(now - timedelta(seconds=n)).strftime("%H:%M:%S") for n in range(-1, 4)]
        assert told in near
        await expect(page.locator("#clock")).not_to_have_text(told, timeout=2500)


async def test_names_and_messages_are_text(
    browser: Browser,
    connection: Connection,
    database: DatabaseSettings,
    tmp_path: Path,
) -> None:
    evil = '<img src=x onerror="document.title=1">'
    sites, now = province(2), utc_now()
    await fill(connection, sites, now)
    await raise_alert(
        connection, evil, ("ngabay", "hung-vuong", evil), message_vi=evil, message_en=evil
    )
    await connection.execute("UPDATE site SET name_vi = %s", (evil,))
    cookie = await log_in(connection)
    async with (
        serve(settings_of(database, tmp_path)) as served,
        opened(browser, served.url, cookie) as (page, faults),
    ):
        await expect(page.locator(".message").first).to_have_text(evil)
        await expect(page.locator(".site .name").first).to_have_text(evil)
        assert await page.locator("img").count() == 0 and faults == []


async def test_who_is_logged_out_leaves_the_wall(
    browser: Browser,
    connection: Connection,
    database: DatabaseSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("console.wall.CHECK_S", 0.5)
    cookie = await log_in(connection)
    async with (
        serve(settings_of(database, tmp_path)) as served,
        opened(browser, served.url, cookie) as (page, _),
    ):
        await connection.execute("DELETE FROM session WHERE token = %s", (token_of(cookie),))
        await page.wait_for_url("**/login?next=/wall%3Fkiosk%3D1", timeout=10_000)
