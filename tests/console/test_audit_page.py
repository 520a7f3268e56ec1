"""The auditor's page: what is shown to whom, its downloads, and that looking is noted."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import AsyncConnection

from console import audit_check, audit_roots
from console.pages.audit import _csv
from ioc.clock import VIETNAM
from ioc.settings import DatabaseSettings
from store import audit, roots
from store.chain import ZERO, Line, fault_of
from tests.console.custody import as_owner, running

NASTY = "<script>alert(1)</script>\"'&{{7*7}}"


async def append(database: DatabaseSettings, many: int) -> None:
    async with await AsyncConnection.connect(database.url) as connection:
        for number in range(many):
            await audit.append(
                connection,
                *("person:lan" if number % 2 else "person:nam", "case.viewed", f"case:{number}"),
                why=NASTY if number == 1 else "xem",
            )


async def page(client: httpx.AsyncClient, query: str = "") -> str:
    answer = await client.get(f"/audit{query}", headers={"accept": "text/html"})
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_pages_follow_each_other_without_gap_or_repeat(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    await append(database, 230)
    async with running(database, tmp_path) as console, console.as_("auditor") as client:
        query, seen = "?actor=person:*&subject=case:*", []
        while True:
            text = await page(client, query)
            seen += [int(part.split('"')[0]) for part in text.split('<tr id="line-')[1:]]
            if 'rel="next"' not in text:
                break
            query = text.split('rel="next" href="/audit')[1].split('"')[0].replace("&amp;", "&")
        assert seen == list(range(230, 0, -1))


async def test_lines_are_filtered(database: DatabaseSettings, tmp_path: Path) -> None:
    await append(database, 20)
    async with running(database, tmp_path) as console, console.as_("admin") as client:
        today = console.clock().astimezone(VIETNAM).date()
        for query, many in (
            ("?actor=person:lan", 10),
            ("?actor=person:*&action=case.*", 20),
            ("?actor=person:lan&subject=case:3", 1),
            ("?actor=person:l%25", 0),
            ("?subject=case:1", 1),
            ("?subject=case:1*", 11),
            (f"?action=case.viewed&day={today}", 20),
            (f"?action=case.viewed&day={today - timedelta(days=1)}", 0),
            ("?action=case.viewed&before=5", 4),
            ("?actor='; DROP TABLE audit; --", 0),
        ):
            assert (await page(client, query)).count('<tr id="line-') == many, query


async def test_what_people_typed_stays_text(database: DatabaseSettings, tmp_path: Path) -> None:
    await append(database, 3)
    async with running(database, tmp_path) as console, console.as_("auditor") as client:
        text = await page(client, f"?actor={NASTY}")
        assert "<script>alert" not in text
        text = await page(client)
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)" in text
        assert "49" not in text.split("<table")[1].split("{{7*7}}")[0][-40:]


async def test_looking_is_noted(database: DatabaseSettings, tmp_path: Path) -> None:
    async with running(database, tmp_path) as console, console.as_("auditor") as client:
        await page(client, "?actor=person:lan&before=7")
        await client.get("/audit/lines.jsonl?first=1&last=2")
        await client.get("/audit/lines.csv?subject=case:1")
        assert await console.audited("audit.viewed") == [
            ("person:auditor", "audit", {"actor": "person:lan", "before": "7"})
        ]
        assert [one[2] for one in await console.audited("audit.exported")] == [
            {"first": "1", "last": "2", "form": "jsonl"},
            {"subject": "case:1", "last": "3", "form": "csv"},
        ]


@pytest.mark.parametrize("role", ["operator", "reviewer", "supervisor"])
async def test_others_may_not_look(database: DatabaseSettings, tmp_path: Path, role: str) -> None:
    async with running(database, tmp_path) as console, console.as_(role) as client:  # type: ignore[arg-type]
        for path in ("/audit", "/audit/lines.jsonl", "/audit/lines.csv", "/audit/roots/2026-01-01"):
            assert (await client.get(path)).status_code == 403
        assert len(await console.audited("access.refused")) == 4


@pytest.mark.parametrize(
    "query",
    ["?day=2026-13-01", "?day=x", "?day=0001-01-01", "?before=-1", "?before=x", "?actor=%00",
     "?before=99999999999999999999", "?actor=" + "a" * 201],
)  # fmt: skip
async def test_bad_questions_are_refused(
    database: DatabaseSettings, tmp_path: Path, query: str
) -> None:
    async with running(database, tmp_path) as console, console.as_("auditor") as client:
        answer = await client.get(f"/audit{query}")
        assert answer.status_code == 422
        assert answer.json()["message"]


async def test_a_download_can_be_verified(database: DatabaseSettings, tmp_path: Path) -> None:
    await append(database, 4500)
    async with running(database, tmp_path) as console, console.as_("auditor") as client:
        answer = await client.get("/audit/lines.jsonl")
        assert answer.headers["content-type"] == "application/x-ndjson"
        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert [line["seq"] for line in lines] == list(range(1, 4502))  # and the log-in
        previous = ZERO.hex()
        for told in lines:
            assert told["previous"] == previous
            previous = told["hash"]
            line = Line(
                *(told["seq"], datetime.fromisoformat(told["at"]), told["actor"]),
                *(told["action"], told["subject"], told["record"]),
                *(bytes.fromhex(told["previous"]), bytes.fromhex(told["hash"])),
            )
            assert fault_of(line) is None
        some = await client.get("/audit/lines.jsonl?first=10&last=12&actor=person:lan")
        assert [json.loads(line)["seq"] for line in some.text.splitlines()] == [10, 12]


async def test_a_table_is_for_people(database: DatabaseSettings, tmp_path: Path) -> None:
    await append(database, 3)
    async with running(database, tmp_path) as console, console.as_("auditor") as client:
        answer = await client.get("/audit/lines.csv")
        rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
        assert rows[0] == ["seq", "at", "actor", "action", "subject", "detail", "hash"]
        assert [row[0] for row in rows[1:]] == ["1", "2", "3", "4"]
        assert json.loads(rows[2][5]) == {"why": NASTY}


@given(st.lists(st.tuples(st.text(), st.text()), min_size=1))
def test_no_cell_becomes_a_formula(rows: list[tuple[str, str]]) -> None:
    for row in csv.reader(io.StringIO(_csv(rows).decode("utf-8", "replace"), newline="")):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)


async def test_the_page_tells_how_the_chain_is(database: DatabaseSettings, tmp_path: Path) -> None:
    async with running(database, tmp_path) as console, console.as_("auditor") as client:
        assert "Chưa kiểm tra lần nào" in await page(client)
        await audit_check.work(console.context)
        text = await page(client)
        assert "Nguyên vẹn đến dòng" in text
        assert "đã cũ" not in text
        console.clock.now += timedelta(minutes=21)
        assert "đã cũ" in await page(client)
        as_owner(database, "UPDATE audit SET actor = 'person:ai' WHERE seq = 1")
        (tmp_path / "work" / audit_check.FILE).unlink()
        await audit_check.work(console.context)
        text = await page(client)
        assert "KHÔNG nguyên vẹn: 1 lỗi" in text
        assert "line 1: changed: actor is" in text


async def test_roots_are_listed_and_given(database: DatabaseSettings, tmp_path: Path) -> None:
    async with running(database, tmp_path) as console:
        await append(database, 3)
        with psycopg.connect(database.url) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute("UPDATE audit SET at = at - interval '2 days'")
        await audit_roots.work(console.context)
        async with console.context.pool.connection() as connection_:
            known = await roots.roots(connection_)
        async with console.as_("auditor") as client:
            text = await page(client)
            for root in known:
                assert f"/audit/roots/{root.day}" in text
            answer = await client.get(f"/audit/roots/{known[0].day}")
            assert answer.content == known[0].file()
            assert roots.read_root(answer.content) == known[0]
            assert (await client.get("/audit/roots/2001-01-01")).status_code == 404
            assert (await client.get("/audit/roots/x")).status_code == 422
