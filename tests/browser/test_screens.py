"""The seven screens in a real browser: nothing too small, cut, covered or off the screen.

``IOC_TEST_SHOTS`` names a folder that keeps the pictures, to be looked at.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect
from psycopg import AsyncConnection

from console.screens.sizes import CAPITAL, DETAIL, FAR_M, NEAR_M, PANEL_MM, WIDTH
from dashboards.screens import SCREENS
from ioc.clock import utc_now
from ioc.settings import DatabaseSettings
from tests.browser.days import fill_days
from tests.browser.test_wall import CHECK, FULL_HD, ULTRA_HD, shoot
from tests.console.walls import PLATE, Connection, log_in, serve, settings_of

pytestmark = [pytest.mark.service, pytest.mark.slow]

MINUTE_OF_ARC = 0.000291
"""Height of what fills it, in parts of the distance."""
RULES = {
    "least": DETAIL,
    # A figure alone in its tile is read from where operators sit: 16 minutes of arc, ISO 9241-303.
    "capital": FAR_M * 1000 * 16 * MINUTE_OF_ARC / PANEL_MM * WIDTH,
    "figure": ".f74 .amount, .f84 .amount, .f96 .amount, .f110 .amount, .clock",
    "frames": ".tile, .head, .side",
    "cells": "td, th",
}


@pytest.fixture
async def connection(database: DatabaseSettings) -> AsyncIterator[Connection]:
    async with await AsyncConnection.connect(database.url, autocommit=True) as opened:
        yield opened


def test_the_smallest_letters_are_read_from_3_m() -> None:
    assert DETAIL * CAPITAL / WIDTH * PANEL_MM >= NEAR_M * 1000 * 16 * MINUTE_OF_ARC


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("language", "theme"), [("vi", "dark"), ("en", "light")])
async def test_all_screens_are_legible(
    browser: Browser,
    connection: Connection,
    database: DatabaseSettings,
    tmp_path: Path,
    language: str,
    theme: str,
) -> None:
    await fill_days(connection, utc_now())
    cookie = await log_in(connection, language=language, theme=theme)
    faults: list[str] = []
    async with serve(settings_of(database, tmp_path)) as served:
        for width, height in (FULL_HD, ULTRA_HD):
            context = await browser.new_context(viewport={"width": width, "height": height})
            await context.add_cookies([{"name": "ioc", "value": cookie, "url": served.url}])
            page = await context.new_page()
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on(
                "console", lambda told: faults.append(told.text) if told.type == "error" else None
            )
            for screen in SCREENS:
                await page.goto(f"{served.url}/wall/s/{screen.uid}?kiosk=1")
                await expect(page.locator(".clock .digit").first).to_be_visible()
                await page.evaluate("document.fonts.ready")
                await shoot(page, tmp_path, f"{screen.uid}-{width}-{theme}-{language}")
                found = await page.evaluate(CHECK, RULES)
                faults.extend(f"{screen.uid} at {width}: {fault}" for fault in found)
                await _look(page, faults, screen.uid)
            await context.close()
    assert not faults, "\n".join(faults)


async def _look(page: Page, faults: list[str], uid: str) -> None:
    """Every tile has data and none shows a plate."""
    if await page.locator(".fault-word, .failed-body").count():
        faults.append(f"{uid}: a query failed")
    text = await page.locator("#board").inner_text()
    if PLATE in text:
        faults.append(f"{uid}: a plate on the wall")
