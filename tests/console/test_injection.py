"""Text from outside in every field: it is kept or refused, and never becomes markup or a query."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from ioc.settings import DatabaseSettings
from store.people import Role
from tests.console.custody import Console, running
from tests.console.test_review import flag

EVIL = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; DROP TABLE review_case; --",
    "{{ 7 * 7 }}${7*7}<%= 7*7 %>",
    "\x00\x1b[31m\r\nSet-Cookie: a=b",
    "‮gnp.exe\u0301" * 8,
)

FORMS: list[tuple[Role, str, dict[str, str], tuple[str, ...]]] = [
    ("admin", "/people", {"login": "x1", "name": "X", "role": "reviewer", "unit": "U"},
     ("login", "name", "unit", "role")),
    ("admin", "/people/reviewer", {"deed": "role", "role": "reviewer"}, ("deed", "role")),
    ("admin", "/devices/keys", {"pem": "x", "device": "a/b/c"}, ("pem", "device")),
    ("admin", "/devices/tokens",
     {"name": "n", "scope": "evidence", "area": "vithanh", "days": "3"},
     ("name", "scope", "area", "days")),
    ("admin", "/devices/tokens/revoke", {"name": "n"}, ("name",)),
    ("reviewer", "/cases/1/note", {"text": "t"}, ("text",)),
    ("reviewer", "/cases/1/reopen", {"why": "t"}, ("why",)),
    ("reviewer", "/cases/1/decision",
     {"verdict": "reject", "reason": "other", "note": "n", "plate": "65A 123.45", "seconds": "1"},
     ("verdict", "reason", "note", "plate", "seconds")),
    ("reviewer", "/cases/take", {"after": "0"}, ("after",)),
    ("supervisor", "/cases/1/hold", {"do": "set", "why": "w"}, ("do", "why")),
    ("auditor", "/cases/1/export", {"why": "w"}, ("why",)),
    ("reviewer", "/me/looks", {"language": "vi", "theme": "auto"}, ("language", "theme")),
    ("reviewer", "/me/password", {"now": "a", "new": "b", "again": "b"}, ("now", "new", "again")),
    ("reviewer", "/me/factor", {"sealed": "x", "code": "123456"}, ("sealed", "code")),
    ("reviewer", "/login", {"name": "n", "password": "p", "next": "/"},
     ("name", "password", "next")),
]  # fmt: skip
QUERIES: list[tuple[Role, str, tuple[str, ...]]] = [
    ("reviewer", "/queue", ("state", "site", "rule")),
    ("reviewer", "/figures", ("days",)),
    ("auditor", "/audit", ("actor", "action", "subject", "day", "before")),
    ("auditor", "/audit/lines.jsonl", ("actor", "action", "subject", "day")),
    ("reviewer", "/me", ("done",)),
    ("reviewer", "/login", ("next",)),
]
PAGES: list[tuple[Role, str]] = [
    ("admin", "/people"),
    ("admin", "/devices"),
    ("auditor", "/audit"),
    ("reviewer", "/queue"),
    ("auditor", "/cases/1"),
    ("reviewer", "/figures"),
    ("operator", "/wall"),
]


@pytest.fixture
async def console(database: DatabaseSettings, tmp_path: Path) -> AsyncIterator[Console]:
    async with running(database, tmp_path) as one:
        yield one


def harmless(text: str) -> bool:
    """Whether no field came out as it went in where it would be markup."""
    return "<script>alert" not in text and "<img src=x" not in text and "49$" not in text


@pytest.mark.timeout(600)
async def test_no_field_is_a_way_in(console: Console) -> None:
    await flag(console, 1)
    for role, path, good, fields in FORMS:
        console.context.throttle._buckets.clear()  # so many log-ins from one address are refused
        async with console.as_(role) as client:
            for field in fields:
                for evil in EVIL:
                    answer = await client.post(path, data=good | {field: evil})
                    told = (path, field, evil, answer.status_code, answer.text[:300])
                    assert answer.status_code < 500, told
                    assert harmless(answer.text), told
                    assert "a=b" not in str(answer.headers.get("set-cookie", "")), told
    for role, path, names in QUERIES:
        console.context.throttle._buckets.clear()
        async with console.as_(role) as client:
            for name in names:
                for evil in EVIL:
                    answer = await client.get(f"{path}?{name}={quote(evil)}")
                    told = (path, name, evil, answer.status_code, answer.text[:300])
                    assert answer.status_code < 500, told
                    assert harmless(answer.text), told
    for role, path in PAGES:
        console.context.throttle._buckets.clear()
        async with console.as_(role) as client:
            answer = await client.get(path)
            assert answer.status_code == 200 and harmless(answer.text), path


async def test_what_a_camera_says_is_no_markup_either(console: Console) -> None:
    evil: dict[str, Any] = {
        "plate_text": "<b>65A</b>", "lane": "<script>alert(1)</script>",
        "model_name": EVIL[1], "calibration": EVIL[0], "signal_head": EVIL[1],
    }  # fmt: skip
    await flag(console, 1, **evil)
    for role, path in PAGES:
        async with console.as_(role) as client:
            answer = await client.get(path)
            assert harmless(answer.text) and "<b>65A" not in answer.text, path
