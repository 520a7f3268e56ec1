"""Every route for every role: who is let in is data, and the door follows it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from console.auth import access
from console.auth.access import ROUTES, check, routes_of
from console.auth.guard import token_of
from ioc.settings import DatabaseSettings
from store import people
from store.people import ROLES, Role
from tests.console.custody import ADDRESS, Console, running

SAMPLE = {
    "number": "1",
    "login": "somebody",
    "sha256": "a" * 64,
    "key": "0" * 16,
    "day": "2026-11-20",
    "type": "Alert",
    "uid": "tong-quan",
}
"""A value for each parameter of a path, of the right shape and of nothing that exists."""

WITHOUT_END = {"GET /wall/stream"}
"""Streams go on for ever; the door is tried with a person who may not come in."""


@pytest.fixture
async def console(database: DatabaseSettings, tmp_path: Path) -> AsyncIterator[Console]:
    async with running(database, tmp_path) as one:
        yield one


def split(route: str) -> tuple[str, str]:
    method, path = route.split(" ", 1)
    return method, re.sub(r"\{(\w+)(?::\w+)?\}", lambda part: SAMPLE[part[1]], path)


def test_the_table_is_that_of_the_application(console: Console) -> None:
    assert set(routes_of(console.app)) == ROUTES.keys()
    extra = FastAPI()
    extra.add_api_route("/forgotten", lambda: None)
    with pytest.raises(RuntimeError, match="GET /forgotten"):
        check(extra)


def test_who_may_what_is_as_it_was_decided() -> None:
    """The sharp ones, written down a second time: a slip in the table shows here."""
    decided: dict[str, set[str]] = {
        "POST /cases/{number}/decision": {"reviewer", "supervisor"},
        "POST /cases/next": {"reviewer", "supervisor"},
        "GET /cases/{number}": {"reviewer", "supervisor", "auditor"},
        "GET /evidence/{sha256}/view": {"reviewer", "supervisor", "auditor"},
        "POST /people": {"admin"},
        "POST /devices/keys": {"admin"},
    }
    for route, roles in decided.items():
        assert set(ROUTES[route]) == roles, route
    for route, allowed in ROUTES.items():
        if isinstance(allowed, frozenset) and "operator" in allowed:
            assert route.split(" ")[1].split("/")[1] in ("", "me", "wall"), route


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_gets_in_where_it_may_and_nowhere_else(
    role: Role, console: Console
) -> None:
    async with console.as_(role) as client:
        csrf = client.headers["x-csrf-token"]
        for route, allowed in sorted(ROUTES.items()):
            method, path = split(route)
            may = isinstance(allowed, str) or role in allowed
            if route == "POST /logout" or (may and route in WITHOUT_END):
                continue
            answer = await client.request(method, path, headers={"x-csrf-token": csrf})
            refused = answer.status_code in (401, 403)
            if allowed in ("evidence", "handover"):
                assert answer.status_code == 401, route  # a person is no program
            else:
                assert refused is not may, (route, answer.status_code, answer.text[:200])


async def test_nobody_gets_in_without_a_log_in(console: Console) -> None:
    transport = httpx.ASGITransport(console.app)
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as client:
        for route, allowed in sorted(ROUTES.items()):
            if allowed == "anybody":
                continue
            method, path = split(route)
            for headers in ({}, {"authorization": "Bearer x"}, {"cookie": "ioc=x"}):
                answer = await client.request(method, path, headers=headers)
                assert answer.status_code == 401, (route, headers, answer.status_code)


@pytest.mark.parametrize("scope", ["evidence", "handover"])
async def test_a_program_is_let_in_by_its_scope_only(scope: str, console: Console) -> None:
    from uuid import uuid4

    async with console.context.pool.connection() as connection:
        await people.add_credential(
            connection,
            id=uuid4(),
            name="node",
            token=token_of("secret"),
            scope=scope,  # type: ignore[arg-type]
            city="vithanh",
        )
    transport = httpx.ASGITransport(console.app)
    bearer = {"authorization": "Bearer secret"}
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as client:
        for route, allowed in sorted(ROUTES.items()):
            if allowed == "anybody":
                continue
            method, path = split(route)
            answer = await client.request(method, path, headers=bearer)
            if allowed == scope:
                assert answer.status_code not in (401, 403), (route, answer.text)
            else:
                assert answer.status_code in (401, 403), (route, answer.status_code)


async def test_a_refusal_for_the_role_is_logged(console: Console) -> None:
    async with console.as_("operator") as client:
        assert (await client.get("/cases/1")).status_code == 403
    refused = await console.audited("access.refused")
    assert refused[0][:2] == ("person:operator", "route:GET /cases/{number}")


async def test_every_answer_has_the_headers(console: Console) -> None:
    transport = httpx.ASGITransport(console.app)
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as client:
        for path in ("/login", "/nowhere", "/queue", "/static/console.css", "/health"):
            headers = (await client.get(path)).headers
            policy = headers["content-security-policy"]
            assert "unsafe-inline" not in policy and "default-src 'none'" in policy
            assert "http" not in policy.replace("https:", "http:"), policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"
            assert "server" not in headers
        assert "no-store" in (await client.get("/login")).headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e/%2e%2e/pyproject.toml",
        "/static//etc/passwd",
        "/evidence/..%2f..%2fetc%2fpasswd/view",
        "/audit/roots/..%2f..%2fetc%2fpasswd",
    ],
)
async def test_no_path_leads_out_of_the_folders(path: str, console: Console) -> None:
    async with console.as_("auditor") as client:
        answer = await client.get(path)
        assert answer.status_code in (400, 403, 404, 422), answer.status_code
        assert "root:" not in answer.text and "import" not in answer.text


async def test_a_long_form_is_refused(console: Console) -> None:
    async with console.as_("reviewer") as client:
        answer = await client.post("/cases/1/note", data={"text": "x" * 70_000})
        assert answer.status_code == 413

        async def drip() -> AsyncIterator[bytes]:
            yield b"text="
            for _ in range(80):
                yield b"x" * 1024

        kind = {"content-type": "application/x-www-form-urlencoded"}
        answer = await client.post("/cases/1/note", content=drip(), headers=kind)
        assert answer.status_code in (413, 422)


def test_no_template_has_anything_inline() -> None:
    """What the policy forbids would do nothing, and nobody would know why."""
    folder = Path(access.__file__).parents[1] / "templates"
    for path in folder.glob("*.html"):
        text = path.read_text(encoding="utf-8")
        for attributes, body in re.findall(r"<script\b([^>]*)>(.*?)</script>", text, re.DOTALL):
            data = 'type="application/json"' in attributes and body.endswith("|tojson }}")
            assert data or (" src=" in attributes and not body.strip()), path
        assert not re.search(r"""\s(on\w+|style)=["']""", text), path
        assert "http://" not in text and "https://" not in text, path
        assert "| safe" not in text or path.name in ("me.html",), path
