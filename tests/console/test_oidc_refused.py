"""Log-in through an identity provider: every way in which nobody comes in."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwk
from starlette.responses import JSONResponse, RedirectResponse, Response

from ioc.settings import DatabaseSettings
from tests.console.custody import (
    Console,
)
from tests.console.identity_provider import CLIENT, IdentityProvider
from tests.console.oidc import (  # noqa: F401
    LAN,
    answer_of,
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

Wrong = Callable[[dict[str, Any]], None]


def setting(**claims: Any) -> Wrong:
    return lambda made: made.update(claims)


def shifted(claim: str, seconds: float) -> Wrong:
    return lambda made: made.update({claim: int(time.time() + seconds)})


WRONG: dict[str, Wrong] = {
    "another nonce": setting(nonce="another"),
    "no nonce": setting(nonce=None),
    "a list of nonces": lambda made: made.update(nonce=[made["nonce"]]),
    "another audience": setting(aud="another-program"),
    "a list with another audience": setting(aud=["another-program"]),
    "no audience": setting(aud=None),
    "several audiences and no party": setting(aud=[CLIENT, "another-program"]),
    "another party": setting(azp="another-program"),
    "another issuer": setting(iss="http://127.0.0.1:1"),
    "no issuer": setting(iss=None),
    "expired": shifted("exp", -90),
    "without end": setting(exp=None),
    "ends never": setting(exp=float("inf")),
    "from the future": shifted("iat", 90),
    "not valid yet": shifted("nbf", 90),
    "no subject": setting(sub=None),
    "an empty subject": setting(sub=""),
    "a number for a subject": setting(sub=7),
    "a long subject": setting(sub="x" * 256),
    "a subject with a null": setting(sub="u\u0000"),
}


async def test_a_token_that_says_something_else_is_refused(
    console: Console, browser: httpx.AsyncClient, provider: IdentityProvider
) -> None:
    for number, (name, wrong) in enumerate(WRONG.items(), 1):
        provider.mend = wrong
        answer = await log_in(browser)
        assert answer.status_code == 401, name
        assert provider.tokens == number, name
        assert_refused(console, browser, answer, "oidc_fault_token")
    assert await sessions(console) == 0
    refused = await console.audited("session.refused")
    assert {(actor, detail["why"]) for actor, _, detail in refused} == {
        ("person:?", "oidc_fault_token")
    }
    assert len(refused) == len(WRONG)


async def test_a_token_within_the_rules_is_taken(
    browser: httpx.AsyncClient, provider: IdentityProvider
) -> None:
    for right in (
        shifted("exp", -30),  # clocks differ a little
        shifted("iat", 30),
        setting(aud=[CLIENT]),
        setting(aud=[CLIENT, "another-program"], azp=CLIENT),
    ):
        provider.mend = right
        assert (await log_in(browser)).status_code == 303


async def test_an_algorithm_that_is_not_agreed_is_refused(
    console: Console, browser: httpx.AsyncClient, provider: IdentityProvider
) -> None:
    for algorithm in ("none", "HS256", "RS384", "RS512"):
        provider.algorithm = algorithm
        assert_refused(console, browser, await log_in(browser), "oidc_fault_token")
    assert provider.tokens == 4


async def test_agreed_algorithms(browser: httpx.AsyncClient, provider: IdentityProvider) -> None:
    for algorithm in ("RS256", "PS256"):
        provider.algorithm = algorithm
        assert (await log_in(browser)).status_code == 303


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("ES256", jwk.ECKey.generate_key("P-256", {"kid": "e"})),
        ("EdDSA", jwk.OKPKey.generate_key("Ed25519", {"kid": "o"})),
    ],
)
async def test_agreed_curves(
    browser: httpx.AsyncClient, provider: IdentityProvider, algorithm: str, key: Any
) -> None:
    provider.algorithm, provider.key = algorithm, key
    assert (await log_in(browser)).status_code == 303


async def test_a_signature_of_another_key_is_refused(
    console: Console, browser: httpx.AsyncClient, provider: IdentityProvider
) -> None:
    published = provider.key.as_dict(private=False)
    provider.rotate()
    provider.header = {"kid": published["kid"]}  # says it is the published one
    own = provider.key
    provider.extra_keys = [published]
    provider.key = type(own).import_key({**own.as_dict(private=True), "use": "sig"})
    provider.key.ensure_kid()
    assert_refused(console, browser, await log_in(browser), "oidc_fault_token")


async def test_keys_may_be_changed_at_any_time(
    console: Console, browser: httpx.AsyncClient, provider: IdentityProvider
) -> None:
    assert (await log_in(browser)).status_code == 303
    assert (await log_in(browser)).status_code == 303
    assert provider.key_fetches == 1  # kept
    provider.rotate()
    assert (await log_in(browser)).status_code == 303
    assert provider.key_fetches == 2


async def test_keys_of_other_kinds_are_passed_over(
    browser: httpx.AsyncClient, provider: IdentityProvider
) -> None:
    provider.extra_keys = [
        {"kty": "AKP", "alg": "ML-DSA-65", "kid": "k1", "pub": "x"},
        {"kty": "oct", "kid": "k1", "k": "c2VjcmV0"},
        {**jwk.RSAKey.generate_key(2048).as_dict(private=False), "kid": "k1", "use": "enc"},
        {"kty": "RSA", "kid": "k1"},
        {"kty": "EC", "kid": "k1", "crv": "P-256", "x": "!", "y": 5},
    ]
    assert (await log_in(browser)).status_code == 303


async def test_another_state_is_refused_before_the_provider_is_asked(
    console: Console, browser: httpx.AsyncClient, provider: IdentityProvider
) -> None:
    address = httpx.URL(await answer_of(browser))
    answer = await browser.get(address.copy_set_param("state", "another"))
    assert_refused(console, browser, answer, "oidc_fault_state")
    assert provider.tokens == 0


async def test_an_answer_in_another_browser_is_refused(
    console: Console, browser: httpx.AsyncClient, provider: IdentityProvider
) -> None:
    address = await answer_of(browser)
    async with new_browser(console) as victim:
        assert_refused(console, victim, await victim.get(address), "oidc_fault_state")
        await answer_of(victim)  # has begun one of its own: still not this one
        assert_refused(console, victim, await victim.get(address), "oidc_fault_state")
    assert provider.tokens == 0


async def test_a_cookie_that_was_tampered_with_is_refused(
    console: Console, browser: httpx.AsyncClient
) -> None:
    address = await answer_of(browser)
    sealed = browser.cookies["ioc-oidc"]
    for forged in (sealed[:-8] + "AAAAAAA=", console.context.vault.seal("{}"), "x", ""):
        browser.cookies.set("ioc-oidc", forged, domain="console.test", path="/")
        answer = await browser.get(address)
        assert answer.status_code == 401


async def test_a_code_works_once(
    console: Console, browser: httpx.AsyncClient, provider: IdentityProvider
) -> None:
    address = await answer_of(browser)
    kept = browser.cookies["ioc-oidc"]
    assert (await browser.get(address)).status_code == 303
    async with new_browser(console) as thief:  # who has both the address and the cookie
        thief.cookies.set("ioc-oidc", kept, domain="console.test", path="/")
        assert_refused(console, thief, await thief.get(address), "oidc_fault_code")
    assert provider.tokens == 1


async def test_a_log_in_that_took_too_long_is_refused(
    console: Console, browser: httpx.AsyncClient
) -> None:
    address = await answer_of(browser)
    console.clock.now += timedelta(minutes=11)
    assert_refused(console, browser, await browser.get(address), "oidc_fault_state")


async def test_a_refusal_of_the_provider_is_told(
    console: Console, browser: httpx.AsyncClient
) -> None:
    address = httpx.URL(await answer_of(browser)).copy_remove_param("code")
    answer = await browser.get(address.copy_set_param("error", "<script>access_denied"))
    assert_refused(console, browser, answer, "oidc_fault_refused")
    assert "<script>" not in answer.text


async def test_an_answer_that_names_another_issuer_is_refused(
    console: Console, browser: httpx.AsyncClient, provider: IdentityProvider
) -> None:
    address = httpx.URL(await answer_of(browser))
    answer = await browser.get(address.copy_set_param("iss", "https://mix.up"))
    assert_refused(console, browser, answer, "oidc_fault_state")
    assert provider.tokens == 0


async def test_an_answer_out_of_nowhere_is_refused(
    console: Console, browser: httpx.AsyncClient
) -> None:
    for query in ("", "?state=", "?code=x", "?" + "a" * 9000, "?state=%ff%00"):
        answer = await browser.get(f"/login/oidc/answer{query}")
        assert_refused(console, browser, answer, "oidc_fault_state")


NO_ROLE: list[Any] = [
    *(None, "", "root", ["root"], [], ["reviewer", "admin"]),
    *({"a": 1}, 7, "Reviewer", [["reviewer"]]),
]


@pytest.mark.parametrize("known", [False, True])
async def test_without_one_role_of_ours_nobody_comes_in(
    console: Console,
    browser: httpx.AsyncClient,
    database: DatabaseSettings,
    provider: IdentityProvider,
    known: bool,
) -> None:
    if known:
        enter(database, "supervisor")
    for role in NO_ROLE:
        provider.person["ioc_role"] = role
        assert_refused(console, browser, await log_in(browser), "oidc_fault_role")
    assert await sessions(console) == 0
    found = person(database)
    assert (found is not None) == known
    assert found is None or found["role"] == "supervisor"


async def test_whoever_is_disabled_here_stays_out(
    console: Console, browser: httpx.AsyncClient, database: DatabaseSettings
) -> None:
    enter(database, disabled=True)
    assert_refused(console, browser, await log_in(browser), "oidc_fault_disabled")
    ((actor, _, detail),) = await console.audited("session.refused")
    assert (actor, detail["why"]) == ("person:tran.lan", "oidc_fault_disabled")
    found = person(database)
    assert found is not None
    assert found["role"] == "operator"  # nor does its role change


async def test_a_provider_that_is_away_is_told_and_passwords_still_work(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    provider = IdentityProvider(person=dict(LAN))
    async with with_oidc(database, tmp_path, provider) as console, new_browser(console) as browser:
        answer = await browser.get("/login/oidc")
        assert answer.status_code == 502
        assert_refused(console, browser, answer, "oidc_fault_away")
        with provider.serving():
            assert (await log_in(browser)).status_code == 303
            async with new_browser(console) as late:
                address = await answer_of(late)
        answer = await retry(console, late, address)
        assert answer.status_code == 502
        async with console.as_("reviewer") as reviewer:
            assert (await reviewer.get("/queue")).status_code == 200


async def retry(console: Console, before: httpx.AsyncClient, address: str) -> httpx.Response:
    """The answer of the provider in a browser with the same cookies."""
    async with new_browser(console) as browser:
        for name, value in before.cookies.items():
            browser.cookies.set(name, value, domain="console.test", path="/")
        return await browser.get(address)


async def test_a_description_without_sense_is_refused(
    console: Console, browser: httpx.AsyncClient, provider: IdentityProvider
) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"issuer": "http://127.0.0.1:1"}, "oidc_fault_setup"),
        ({"issuer": 5}, "oidc_fault_setup"),
        ({"token_endpoint": "file:///etc/passwd"}, "oidc_fault_setup"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "oidc_fault_setup"),
        ({"junk": "x" * 300_000}, "oidc_fault_away"),
    ]
    for provider.description, why in wrong:
        assert_refused(console, browser, await browser.get("/login/oidc"), why)


async def test_an_answer_without_sense_is_refused(
    console: Console, browser: httpx.AsyncClient, provider: IdentityProvider
) -> None:
    wrong: list[tuple[Response, str]] = [
        (JSONResponse({}), "oidc_fault_token"),
        (JSONResponse({"id_token": 5}), "oidc_fault_token"),
        (JSONResponse({"id_token": "a.b.c"}), "oidc_fault_token"),
        (JSONResponse({"id_token": ""}), "oidc_fault_token"),
        (JSONResponse({"id_token": "é"}), "oidc_fault_token"),
        (JSONResponse({"id_token": "W10.W10.W10"}), "oidc_fault_token"),
        (JSONResponse([]), "oidc_fault_setup"),
        (Response("<html>"), "oidc_fault_setup"),
        (JSONResponse({}, 500), "oidc_fault_away"),
        (RedirectResponse("http://127.0.0.1:9/"), "oidc_fault_away"),
    ]
    for given_back, why in wrong:
        address = await answer_of(browser)
        provider.token_answer = given_back
        assert_refused(console, browser, await browser.get(address), why)
    assert await sessions(console) == 0


async def test_a_secret_that_cannot_be_read_is_told_in_the_log_alone(
    console: Console, browser: httpx.AsyncClient, tmp_path: Path
) -> None:
    address = await answer_of(browser)
    (tmp_path / "client-secret").unlink()
    answer = await browser.get(address)
    assert_refused(console, browser, answer, "oidc_fault_setup")
    assert "client-secret" not in answer.text


async def test_answers_are_throttled(console: Console, browser: httpx.AsyncClient) -> None:
    for _ in range(40):
        answer = await browser.get("/login/oidc/answer")
    assert answer.status_code == 429
