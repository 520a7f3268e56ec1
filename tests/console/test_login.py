"""Log-in, second factor, sessions, and forms that another site sends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pyotp
import pytest

from console.auth import factor, passwords
from console.auth.throttle import AddressThrottle, lock_after
from ioc.settings import DatabaseSettings
from tests.console.custody import ADDRESS, PASSWORD, Console, running


@pytest.fixture
async def console(database: DatabaseSettings, tmp_path: Path) -> AsyncIterator[Console]:
    async with running(database, tmp_path) as one:
        yield one


def visitor(console: Console) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(console.app), base_url=ADDRESS)


async def log_in(
    client: httpx.AsyncClient, name: str = "reviewer", password: str = PASSWORD, **more: str
) -> httpx.Response:
    return await client.post("/login", data={"name": name, "password": password, **more})


def token(page: str) -> str:
    return page.split('name="csrf" content="')[1].split('"')[0]


async def test_a_right_password_opens_and_a_wrong_one_tells_nothing(console: Console) -> None:
    async with visitor(console) as client:
        for name in ("reviewer", "nobody-of-this-name"):
            answer = await log_in(client, name, "sai mật khẩu rồi")
            assert answer.status_code == 401
            assert "Tên đăng nhập hoặc mật khẩu không đúng" in answer.text
        assert (await log_in(client)).headers["location"] == "/"
        assert (await client.get("/queue")).status_code == 200


async def test_a_page_leads_to_the_log_in_and_back_but_never_elsewhere(console: Console) -> None:
    async with visitor(console) as client:
        asked = await client.get("/queue?state=disputed", headers={"accept": "text/html"})
        assert asked.status_code == 303
        back = parse_qs(urlsplit(asked.headers["location"]).query)["next"][0]
        assert back == "/queue?state=disputed"
        assert (await log_in(client, next=back)).headers["location"] == back
    for evil in ("//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example"):
        async with visitor(console) as client:
            assert (await log_in(client, next=evil)).headers["location"] == "/"


async def test_a_guesser_is_locked_out_and_an_admin_lets_in_again(console: Console) -> None:
    async with visitor(console) as client, console.as_("admin") as admin:
        for _ in range(5):
            assert (await log_in(client, password="sai mật khẩu")).status_code == 401
        locked = await log_in(client)
        assert locked.status_code == 429 and "sau 1 phút" in locked.text
        console.clock.now += timedelta(seconds=31)
        assert (await log_in(client, password="sai mật khẩu")).status_code == 401
        console.clock.now += timedelta(seconds=31)
        assert (await log_in(client)).status_code == 429  # the lock doubles
        done = await admin.post("/people/reviewer", data={"deed": "unlock"})
        assert done.status_code == 200
        assert (await log_in(client)).status_code == 303
    assert len(await console.audited("session.refused")) == 6


def test_locks_double_up_to_half_a_day() -> None:
    assert lock_after(4) is None
    assert lock_after(5) == timedelta(seconds=30)
    assert lock_after(6) == timedelta(seconds=60)
    assert lock_after(500) == timedelta(hours=12)


def test_one_address_has_its_share_of_tries_and_memory_is_bounded() -> None:
    now = 0.0
    throttle = AddressThrottle(per_minute=30, monotonic=lambda: now)
    assert [throttle.allows("a") for _ in range(31)] == [True] * 30 + [False]
    assert throttle.allows("b")
    now = 2.0
    assert throttle.allows("a") and not throttle.allows("a")
    for number in range(20_000):
        throttle.allows(str(number))
    assert len(throttle._buckets) <= 10_000


async def test_the_session_is_new_after_every_proof(console: Console) -> None:
    """Whoever knows the cookie from before the log-in has nothing (session fixation)."""
    async with visitor(console) as client:
        client.cookies.set("ioc", "chosen-by-somebody-else")
        await log_in(client)
        cookies = [one.value for one in client.cookies.jar if one.name == "ioc"]
        assert cookies[-1] != "chosen-by-somebody-else"
    async with visitor(console) as other:
        other.cookies.set("ioc", "chosen-by-somebody-else")
        assert (await other.get("/queue")).status_code == 401


async def test_a_session_ends_with_idleness_time_and_log_out(console: Console) -> None:
    async with visitor(console) as client:
        await log_in(client)
        for _ in range(3):
            console.clock.now += timedelta(minutes=29)
            assert (await client.get("/queue")).status_code == 200
        console.clock.now += timedelta(minutes=31)
        assert (await client.get("/queue")).status_code == 401
        answer = await log_in(client)
        for _ in range(20):
            console.clock.now += timedelta(minutes=29)
            await client.get("/queue")
        console.clock.now += timedelta(minutes=29)
        assert (await client.get("/queue")).status_code == 401  # ten hours are over
        await log_in(client)
        csrf = token((await client.get("/me")).text)
        kept = [one.value or "" for one in client.cookies.jar if one.name == "ioc"][-1]
        answer = await client.post("/logout", headers={"x-csrf-token": csrf})
        assert answer.status_code == 303
    async with visitor(console) as thief:
        thief.cookies.set("ioc", kept)
        assert (await thief.get("/queue")).status_code == 401


async def test_a_form_of_another_site_does_nothing(console: Console) -> None:
    async with visitor(console) as client:
        await log_in(client)
        csrf = token((await client.get("/me")).text)
        new = {"language": "en", "theme": "dark"}
        for headers in (
            {},
            {"x-csrf-token": "wrong"},
            {"x-csrf-token": csrf, "origin": "https://evil.example"},
            {"x-csrf-token": csrf, "origin": "null"},
            {"x-csrf-token": csrf, "sec-fetch-site": "cross-site"},
        ):
            answer = await client.post("/me/looks", data=new, headers=headers)
            assert answer.status_code == 403, headers
        evil = {"origin": "https://evil.example"}
        assert (
            await client.post("/login", data={"name": "a", "password": "b"}, headers=evil)
        ).status_code == 403
        good = await client.post(
            "/me/looks", data={**new, "csrf": csrf}, headers={"origin": ADDRESS}
        )
        assert good.status_code == 303


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with running(database, tmp_path, public_url="https://ioc.example") as console:
        transport = httpx.ASGITransport(console.app)
        async with httpx.AsyncClient(transport=transport, base_url="https://ioc.example") as client:
            answer = await log_in(client)
            cookie = answer.headers["set-cookie"]
            assert cookie.startswith("__Host-ioc=")
            for part in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
                assert part in cookie
            assert "Domain" not in cookie
            assert answer.headers["strict-transport-security"]


async def test_a_second_factor_is_asked_for_and_works_once(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with running(database, tmp_path) as console:
        async with console.as_("reviewer") as client:
            page = (await client.get("/me")).text
            secret = page.split('id="secret">')[1].split("<")[0].replace(" ", "")
            sealed = page.split('name="sealed" value="')[1].split('"')[0]
            codes = pyotp.TOTP(secret)
            wrong = await client.post("/me/factor", data={"sealed": sealed, "code": "000000"})
            assert wrong.status_code == 422
            now = int(console.clock.now.timestamp())
            set_up = await client.post("/me/factor", data={"sealed": sealed, "code": codes.at(now)})
            assert set_up.status_code == 303
        async with visitor(console) as client:
            assert (await log_in(client)).headers["location"] == "/login/code"
            assert (
                await client.get("/queue")
            ).status_code == 401  # the password alone opens nothing
            half = client.cookies["ioc"]
            csrf = token((await client.get("/login/code")).text)
            again = await client.post(
                "/login/code", data={"code": codes.at(now)}, headers={"x-csrf-token": csrf}
            )
            assert again.status_code == 401 and "đã dùng" in again.text
            console.clock.now += timedelta(seconds=60)
            code = codes.at(now + 60)
            answer = await client.post(
                "/login/code", data={"code": code}, headers={"x-csrf-token": csrf}
            )
            assert answer.status_code == 303
            assert client.cookies["ioc"] != half
            assert (await client.get("/queue")).status_code == 200
        async with visitor(console) as thief:
            thief.cookies.set("ioc", half)
            assert (await thief.get("/queue")).status_code == 401


async def test_without_the_second_factor_nothing_but_setting_it_up_works(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with running(database, tmp_path, second_factor="required") as console:
        async with console.as_("reviewer") as client:
            asked = await client.get("/queue", headers={"accept": "text/html"})
            assert (asked.status_code, asked.headers["location"]) == (303, "/me")
            assert "hãy thiết lập mã xác thực" in (await client.get("/me")).text
        async with console.as_("operator") as client:
            assert (await client.get("/wall")).status_code == 200


async def test_a_first_password_must_be_changed(console: Console) -> None:
    async with console.as_("admin") as admin:
        added = await admin.post(
            "/people", data={"login": "moi", "name": "Người Mới", "role": "reviewer"}
        )
        first = added.text.split('class="once mono">')[1].split("<")[0]
        assert (await admin.get("/people")).text.count(first) == 0
    async with visitor(console) as client:
        assert (await log_in(client, "moi", first)).headers["location"] == "/me"
        assert (await client.get("/queue")).status_code == 403
        csrf = token((await client.get("/me")).text)
        new = "bốn từ không liên quan"
        for wrong, why in (
            ({"now": "x", "new": new, "again": new}, "hiện tại không đúng"),
            ({"now": first, "new": new, "again": new + "."}, "không giống nhau"),
            ({"now": first, "new": "ngắn", "again": "ngắn"}, "ít nhất 12"),
            ({"now": first, "new": "aaaaaaaaaaaaaa", "again": "aaaaaaaaaaaaaa"}, "dễ đoán"),
        ):
            answer = await client.post("/me/password", data=wrong, headers={"x-csrf-token": csrf})
            assert answer.status_code == 422 and why in answer.text, why
        good = {"now": first, "new": new, "again": new}
        answer = await client.post("/me/password", data=good, headers={"x-csrf-token": csrf})
        assert answer.status_code == 303
        assert (await client.get("/queue")).status_code == 200


async def test_who_is_disabled_is_out_at_once(console: Console) -> None:
    async with console.as_("reviewer") as client, console.as_("admin") as admin:
        assert (await client.get("/queue")).status_code == 200
        await admin.post("/people/reviewer", data={"deed": "disable"})
        assert (await client.get("/queue")).status_code == 401
        assert (await log_in(client)).status_code == 401
        own = await admin.post("/people/admin", data={"deed": "disable"})
        assert own.status_code == 409


def test_passwords_are_kept_as_argon2id_and_no_two_alike() -> None:
    kept = passwords.make_hash(PASSWORD)
    assert kept.startswith("$argon2id$") and kept != passwords.make_hash(PASSWORD)
    assert passwords.fits(PASSWORD, kept)
    assert not passwords.fits(PASSWORD + " ", kept)
    assert not passwords.fits("", None) and not passwords.fits(PASSWORD, "no hash")


@pytest.mark.parametrize("weak", ["ngắn quá", "admin12345678", "quantri-quantri", "matkhau123456"])
def test_what_is_guessed_first_is_refused(weak: str) -> None:
    assert passwords.weakness(weak, "quantri") is not None


def test_the_picture_of_the_secret_scales_as_a_whole() -> None:
    """Without a view box a smaller picture is a cut one, which no app can read."""
    picture = factor.picture(factor.new_secret(), "reviewer")
    assert "viewBox=" in picture and "width=" not in picture.split(">")[0]


def test_codes_are_six_digits_near_now() -> None:
    from datetime import UTC, datetime

    secret = factor.new_secret()
    now = datetime(2026, 11, 20, 5, tzinfo=UTC)
    codes = pyotp.TOTP(secret)
    here = int(now.timestamp()) // 30
    assert factor.step_of(secret, codes.generate_otp(here), now, 0) == here
    assert factor.step_of(secret, codes.generate_otp(here - 1), now, 0) == here - 1
    assert factor.step_of(secret, codes.generate_otp(here - 2), now, 0) is None
    assert factor.step_of(secret, codes.generate_otp(here), now, here) is None
    for bad in ("", "12345", "1234567", "abcdef", "１２３４５６"):
        assert factor.step_of(secret, bad, now, 0) is None
