"""Log-in through an identity provider: who comes in, with which role, under which name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.app import build
from console.auth.oidc import OidcError, identity_of, login_of, name_of, public_keys, role_of
from ioc.console_settings import OidcSettings
from ioc.settings import DatabaseSettings
from store.people import ROLES
from tests.console.custody import (
    ADDRESS,
    Console,
    running,
    settings_of,
)
from tests.console.identity_provider import CLIENT, IdentityProvider
from tests.console.oidc import (  # noqa: F401
    assert_refused,
    enter,
    identity_provider,
    log_in,
    new_browser,
    oidc_browser,
    oidc_console,
    person,
    sessions,
    with_oidc,
)


async def test_somebody_new_comes_in_with_the_role_that_the_provider_gives(
    console: Console, browser: httpx.AsyncClient, database: DatabaseSettings
) -> None:
    page = await browser.get("/login", params={"next": "/queue?site=x"})
    link = re.search(r'href="(/login/oidc\?[^"]+)"', page.text)
    assert link is not None
    left = await browser.get(link[1])
    query = httpx.URL(left.headers["location"]).params
    assert query["redirect_uri"] == f"{ADDRESS}/login/oidc/answer"
    kept = left.headers["set-cookie"]
    assert "HttpOnly" in kept and "SameSite=lax" in kept and "Max-Age=600" in kept
    assert query["state"] not in kept and query["nonce"] not in kept  # sealed
    async with httpx.AsyncClient() as outside:
        back = await outside.get(left.headers["location"])
    answer = await browser.get(back.headers["location"])
    assert (answer.status_code, answer.headers["location"]) == (303, "/queue?site=x")
    assert "ioc-oidc" not in browser.cookies
    me = await browser.get("/me")
    assert "Trần Thị Lan" in me.text
    found = person(database)
    assert found is not None
    assert (found["login"], found["role"], found["password_hash"]) == ("lan", "reviewer", None)
    assert found["must_change"] is False
    assert (await browser.get("/queue")).status_code == 200  # no second factor of ours is asked
    begun = await console.audited("session.begun")
    assert [(actor, detail["way"]) for actor, _, detail in begun] == [("person:lan", "oidc")]
    ((_, subject, detail),) = await console.audited("person.added")
    assert (subject, detail["role"], detail["way"]) == ("person:lan", "reviewer", "oidc")


async def test_somebody_known_comes_in_and_the_role_follows(
    console: Console,
    browser: httpx.AsyncClient,
    database: DatabaseSettings,
    provider: IdentityProvider,
) -> None:
    enter(database, "operator")
    assert (await log_in(browser)).status_code == 303
    found = person(database)
    assert found is not None
    assert (found["login"], found["role"]) == ("tran.lan", "reviewer")
    ((_, subject, detail),) = await console.audited("person.changed")
    assert (subject, detail["before"], detail["role"]) == (
        "person:tran.lan",
        "operator",
        "reviewer",
    )
    async with new_browser(console) as other:
        await log_in(other)
    assert len(await console.audited("person.changed")) == 1  # only when it changes


async def test_a_new_log_in_ends_the_one_before_in_the_same_browser(
    console: Console, browser: httpx.AsyncClient
) -> None:
    await log_in(browser)
    before = browser.cookies["ioc"]
    await log_in(browser)
    assert browser.cookies["ioc"] != before
    assert await sessions(console) == 1


async def test_a_name_that_is_taken_is_not_taken_over(
    console: Console,
    browser: httpx.AsyncClient,
    database: DatabaseSettings,
    provider: IdentityProvider,
) -> None:
    provider.person["preferred_username"] = "admin"
    assert (await log_in(browser)).status_code == 303
    found = person(database)
    assert found is not None
    assert re.fullmatch(r"oidc-[0-9a-f]{16}", found["login"])
    assert found["role"] == "reviewer"


async def test_with_tls_the_cookie_is_bound_to_this_host(
    database: DatabaseSettings, tmp_path: Path, provider: IdentityProvider
) -> None:
    settings = OidcSettings(issuer=provider.issuer, client_id=CLIENT)

    whole = settings_of(database, tmp_path, oidc=settings)
    secure = whole.console.model_copy(update={"public_url": "https://ioc.test"})
    app = build(whole.model_copy(update={"console": secure}))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="https://ioc.test"
        ) as client,
    ):
        left = await client.get("/login/oidc")
    kept = left.headers["set-cookie"]
    assert kept.startswith("__Host-ioc-oidc=")
    assert "Secure" in kept and "Path=/" in kept


async def test_where_to_go_stays_here(browser: httpx.AsyncClient) -> None:
    answer = await log_in(browser, "https://evil.example/")
    assert answer.headers["location"] == "/"


async def test_a_way_too_long_for_a_cookie_is_left_out(browser: httpx.AsyncClient) -> None:
    answer = await log_in(browser, "/queue?" + "đ" * 1000)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_without_a_provider_there_is_no_such_page(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with running(database, tmp_path) as console, new_browser(console) as browser:
        for path in ("/login/oidc", "/login/oidc/answer"):
            assert (await browser.get(path)).status_code == 404
        assert "/login/oidc" not in (await browser.get("/login")).text


@pytest.mark.parametrize("way", ["post", "none"])
async def test_other_ways_to_tell_the_secret(
    database: DatabaseSettings, tmp_path: Path, provider: IdentityProvider, way: Any
) -> None:
    provider.way = way
    async with (
        with_oidc(database, tmp_path, provider) as console,
        new_browser(console) as browser,
    ):
        assert (await log_in(browser)).status_code == 303


async def test_a_wrong_secret_is_refused(
    console: Console, browser: httpx.AsyncClient, tmp_path: Path
) -> None:
    (tmp_path / "client-secret").write_text("another", encoding="utf-8")
    assert_refused(console, browser, await log_in(browser), "oidc_fault_code")


# --- pure ----------------------------------------------------------------------------------------


@given(st.recursive(st.none() | st.booleans() | st.text(), st.lists))
def test_a_role_is_exactly_one_of_ours(value: Any) -> None:
    named = value if isinstance(value, list) else [value]
    ours = {one for one in named if isinstance(one, str) and one in ROLES}
    assert role_of(value) == (ours.pop() if len(ours) == 1 else None)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_alone_or_among_others(role: str) -> None:
    assert role_of(role) == role_of(["offline_access", role, role]) == role


@given(
    st.dictionaries(
        st.sampled_from(["preferred_username", "email", "name"]), st.text() | st.integers()
    )
)
def test_names_fit_the_database(claims: dict[str, Any]) -> None:
    login, name = login_of(claims), name_of(claims)
    assert login == "" or re.fullmatch(r"[a-z0-9][a-z0-9._@-]{1,63}", login)
    assert len(name) <= 120
    assert name.isprintable()


CLAIMS = ("nonce", "sub", "aud", "azp", "ioc_role", "name")


@given(st.dictionaries(st.sampled_from(CLAIMS), st.none() | st.text() | st.lists(st.text())))
def test_any_claims_are_an_identity_or_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(OidcError):
        identity_of(claims, nonce="n" * 43, client_id=CLIENT, role_claim="ioc_role")


@given(
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["kty", "n", "e", "use", "kid", "x", "crv"]),
                inner | st.sampled_from(["RSA", "EC", "OKP", "AQAB"]),
            )
        ),
    )
)
def test_any_key_set_is_one_or_refused(keys: Any) -> None:
    try:
        found = public_keys({"keys": keys})
    except OidcError:
        return
    assert found.keys
