"""A case from the violation to the decision, through the pages, on a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb

from console.case_maker import CaseMaker
from ioc.ids import uuid7
from ioc.settings import DatabaseSettings
from store import people
from tests.console.custody import ADDRESS, PASSWORD, Console, running

PLATE = "65A 123.45"
BOOT = uuid4()


@pytest.fixture
async def console(database: DatabaseSettings, tmp_path: Path) -> AsyncIterator[Console]:
    async with running(database, tmp_path, blind_share=0.0) as one:
        yield one


async def flag(console: Console, track: int, seconds: float = 0, **changes: Any) -> UUID:
    """A violation as the sink stores it, and the case that is made of it."""
    now = console.clock()
    values: dict[str, Any] = {
        "id": uuid7(now),
        "time": now,
        "city": "vithanh",
        "site": "tran-hung-dao",
        "device": "cam-1",
        "bootid": BOOT,
        "sequence": track,
        "replayed": False,
        "rule": "red_light",
        "track": track,
        "vehicle": "motorcycle",
        "act_time": now - timedelta(hours=1) + timedelta(seconds=seconds),
        "confidence": 0.9,
        "model_name": "m",
        "model_sha256": "0" * 64,
        "clock_source": "ntp",
        "frame_first": 1,
        "frame_last": 2,
        "plate_text": PLATE,
        "plate_confidence": 0.97,
        "plate_colour": "white",
        "evidence": Jsonb([]),
        "reasons": Jsonb(["Vượt khi đèn đỏ / crossed on red"]),
    } | changes
    names = ", ".join(values)
    marks = ", ".join(f"%({name})s" for name in values)
    with psycopg.connect(console.settings.database.url) as connection:
        connection.execute(f"INSERT INTO violation ({names}) VALUES ({marks})".encode(), values)
    await CaseMaker().work(console.context)
    return values["id"]  # type: ignore[no-any-return]


@asynccontextmanager
async def reviewer(console: Console, login: str, role: str = "reviewer") -> AsyncIterator[Any]:
    """Another person of a role, logged in."""
    async with console.context.pool.connection() as connection:
        if await people.person_by_login(connection, login) is None:
            first = await people.person_by_login(connection, "reviewer")
            assert first is not None
            await people.add_person(
                connection,
                id=uuid4(),
                login=login,
                name=login.title(),
                role=role,  # type: ignore[arg-type]
                password_hash=first.password_hash,
                must_change=False,
            )
    transport = httpx.ASGITransport(console.app)
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as client:
        answer = await client.post("/login", data={"name": login, "password": PASSWORD})
        assert answer.status_code == 303
        page = (await client.get("/me")).text
        client.headers["x-csrf-token"] = page.split('name="csrf" content="')[1].split('"')[0]
        yield client


async def take(client: httpx.AsyncClient, after: int = 0) -> int | None:
    answer = await client.post("/cases/take", data={"after": after})
    assert answer.status_code == 200, answer.text
    return answer.json()["number"]  # type: ignore[no-any-return]


async def say(
    client: httpx.AsyncClient, number: int, verdict: str, status: int = 200, **fields: Any
) -> dict[str, Any]:
    """Open a case and decide it."""
    opened = await client.get(f"/cases/{number}")
    assert opened.status_code == 200, opened.text
    values = {"verdict": verdict, "plate": PLATE, "seconds": 4.5} | fields
    answer = await client.post(f"/cases/{number}/decision", data=values)
    assert answer.status_code == status, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def state(console: Console, number: int) -> tuple[Any, ...]:
    async with console.context.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT state, plate_fixed, round FROM review_case WHERE number = %s", (number,)
        )
        row = await cursor.fetchone()
    assert row is not None
    return tuple(row)


async def test_two_people_confirm_and_the_first_is_refused_the_second_time(
    console: Console,
) -> None:
    await flag(console, 1)
    async with reviewer(console, "an") as an, reviewer(console, "binh") as binh:
        number = await take(an)
        assert number is not None
        await say(an, number, "confirm")
        assert await take(an) is None  # nothing left for An
        told = await say(an, number, "confirm", 409)
        assert told["error"] in ("case_lost", "case_yours_before")
        assert (await state(console, number))[0] == "second"

        page = (await binh.get(f"/cases/{number}")).text
        assert "Người thứ nhất" not in page  # Bình is not led by what An said
        assert PLATE in page
        assert await take(binh) == number
        await say(binh, number, "confirm")
    assert (await state(console, number))[0] == "confirmed"
    actors = [actor for actor, subject, _ in await console.audited("case.decided")]
    assert actors == ["person:an", "person:binh"]


async def test_the_database_itself_refuses_one_person_twice_and_a_lone_confirmation(
    console: Console,
) -> None:
    await flag(console, 1)
    url = console.settings.database.url
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT id FROM review_case").fetchone()
        who = connection.execute("SELECT id FROM person WHERE login = 'reviewer'").fetchone()
        assert row is not None and who is not None
        add = (
            "INSERT INTO review_decision (id, case_id, round, stage, person, verdict) "
            "VALUES (%s, %s, 1, %s, %s, 'confirm')"
        )
        connection.execute(add, (uuid4(), row[0], "first", who[0]))
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute(add, (uuid4(), row[0], "second", who[0]))
        with pytest.raises(psycopg.errors.CheckViolation, match="1 said so"):
            connection.execute("UPDATE review_case SET state = 'confirmed'")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("UPDATE review_decision SET verdict = 'reject'")


async def test_a_rejection_names_its_reason(console: Console) -> None:
    await flag(console, 1)
    async with reviewer(console, "an") as an:
        assert (await say(an, 1, "reject", 422))["error"] == "decision_reason"
        assert (await say(an, 1, "reject", 422, reason="other"))["error"] == "decision_note"
        assert (await say(an, 1, "reject", 422, reason="weather"))["error"] == "error_input"
        await say(an, 1, "reject", reason="unclear_image")
    assert (await state(console, 1))[0] == "rejected"


async def test_to_confirm_takes_a_plate_and_a_correction_keeps_both(console: Console) -> None:
    await flag(console, 1)
    async with reviewer(console, "an") as an, reviewer(console, "binh") as binh:
        assert (await say(an, 1, "confirm", 422, plate=""))["error"] == "decision_plate"
        assert (await say(an, 1, "confirm", 422, plate="?!"))["error"] == "plate_shape"
        await say(an, 1, "confirm", plate="65a 123.46")
        await say(binh, 1, "confirm", plate="65A 123.46")
    assert await state(console, 1) == ("confirmed", "65A 123.46", 1)
    with psycopg.connect(console.settings.database.url) as connection:
        kept = connection.execute("SELECT plate_read, plate_fixed FROM review_case").fetchone()
        flagged = connection.execute("SELECT plate_text FROM violation").fetchone()
    assert kept == (PLATE, "65A 123.46") and flagged == (PLATE,)


async def test_disagreement_goes_to_a_supervisor(console: Console) -> None:
    await flag(console, 1)
    async with (
        reviewer(console, "an") as an,
        reviewer(console, "binh") as binh,
        reviewer(console, "chi") as chi,
        console.as_("supervisor") as boss,
    ):
        await say(an, 1, "confirm")
        await say(binh, 1, "reject", reason="signal_wrong")
        assert (await state(console, 1))[0] == "disputed"
        assert await take(chi) is None
        page = (await chi.get("/cases/1")).text
        assert "chỉ huy quyết định" in page
        assert "Đèn tín hiệu sai" in (await boss.get("/cases/1")).text  # the supervisor sees both
        await say(boss, 1, "confirm")
    assert (await state(console, 1))[0] == "confirmed"


async def test_a_blind_second_look_looks_like_any_case(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with running(database, tmp_path, blind_share=1.0) as console:
        await flag(console, 1)
        async with reviewer(console, "an") as an, reviewer(console, "binh") as binh:
            await say(an, 1, "reject", reason="unclear_image")
            assert (await state(console, 1))[0] == "blind"
            assert await take(binh) == 1
            for path in ("/queue", "/cases/1"):
                page = (await binh.get(path)).text
                assert "Chờ xét" in page
                for hint in ("ngẫu nhiên", "Hình không rõ</li>", "An (", "Từ chối</strong>"):
                    assert hint not in page, (path, hint)
            await say(binh, 1, "reject", reason="not_a_violation")
        assert (await state(console, 1))[0] == "rejected"


async def test_what_needs_more_comes_back_in_a_new_round(console: Console) -> None:
    await flag(console, 1)
    async with reviewer(console, "an") as an, reviewer(console, "binh") as binh:
        assert (await say(an, 1, "more", 422))["error"] == "decision_note"
        await say(an, 1, "more", note="chưa có đoạn hình")
        assert await take(binh) is None
        assert (await binh.post("/cases/1/reopen", data={"why": " "})).status_code == 422
        answer = await binh.post("/cases/1/reopen", data={"why": "đã có đủ"})
        assert answer.status_code == 200
        assert (await state(console, 1))[2] == 2
        await say(an, 1, "confirm")  # the same person may speak again: it is a new round
        await say(binh, 1, "confirm")
    assert (await state(console, 1))[0] == "confirmed"


async def test_evidence_that_arrives_brings_the_case_back(console: Console) -> None:
    file = {"role": "clip", "sha256": "a" * 64, "bytes": 5, "media_type": "video/mp4"}
    await flag(console, 1, evidence=Jsonb([file]))
    async with reviewer(console, "an") as an:
        await say(an, 1, "more", note="chưa có đoạn hình")
    await CaseMaker().work(console.context)
    assert (await state(console, 1))[0] == "needs_more"
    with psycopg.connect(console.settings.database.url) as connection:
        connection.execute(
            "INSERT INTO evidence (sha256, bytes, media_type, city, site, device, received) "
            "VALUES (%s, 5, 'video/mp4', 'vithanh', 'tran-hung-dao', 'cam-1', now() + '1 minute')",
            ("a" * 64,),
        )
    await CaseMaker().work(console.context)
    assert (await state(console, 1))[0::2] == ("pending", 2)


async def test_an_open_case_is_nobody_elses_until_it_is_let_go_or_the_lock_ends(
    console: Console,
) -> None:
    await flag(console, 1)
    async with reviewer(console, "an") as an, reviewer(console, "binh") as binh:
        assert await take(an) == 1
        assert await take(binh) is None
        page = (await binh.get("/cases/1")).text
        assert "Người khác đang mở hồ sơ này" in page
        assert 'data-do="approve"' not in page
        assert (await say(binh, 1, "confirm", 409))["error"] == "case_taken"
        assert "An đang mở" in (await binh.get("/queue")).text

        console.clock.now += timedelta(minutes=9)
        assert (await an.post("/cases/1/keep")).json() == {"kept": True}
        console.clock.now += timedelta(minutes=9)
        assert await take(binh) is None
        console.clock.now += timedelta(minutes=2)
        assert await take(binh) == 1
        assert (await an.post("/cases/1/keep")).json() == {"kept": False}
        lost = await an.post("/cases/1/decision", data={"verdict": "confirm", "plate": PLATE})
        assert lost.json()["error"] == "case_taken"

        assert (await binh.post("/cases/release")).json() == {"released": 1}
        assert await take(an) == 1


async def test_the_queue_is_by_deadline_and_masks_plates(console: Console) -> None:
    await flag(console, 1, seconds=100, plate_text="65A 999.99")
    await flag(console, 2, seconds=0, plate_text="65A 888.88")
    async with reviewer(console, "an") as an:
        page = (await an.get("/queue")).text
        assert page.index('href="/cases/2"') < page.index('href="/cases/1"')
        assert "999.99" not in page and "65A •••.••" in page
        assert await take(an) == 2
        assert "888.88" in (await an.get("/cases/2")).text
    viewed = await console.audited("case.viewed")
    assert [(actor, subject) for actor, subject, _ in viewed] == [("person:an", "case:2")]


async def test_fetching_ahead_is_logged_as_such_and_viewing_as_viewing(console: Console) -> None:
    await flag(console, 1)
    async with reviewer(console, "an") as an:
        await take(an)
        body = await an.get("/cases/1/body", params={"ahead": "true"})
        assert body.status_code == 200 and "<html" not in body.text
        assert not await console.audited("case.viewed")
        assert len(await console.audited("case.fetched")) == 1
        await an.post("/cases/1/view")
        assert len(await console.audited("case.viewed")) == 1


async def test_the_page_tells_law_reasons_and_history(console: Console) -> None:
    await flag(console, 1)
    await flag(console, 2, seconds=3600, rule="speeding", vehicle="car", speed_kmh=77.5,
               limit_kmh=50.0, plate_confidence=0.9)  # fmt: skip
    async with reviewer(console, "an") as an:
        first = (await an.get("/cases/1")).text
        assert "4.000.000–6.000.000 đ" in first and "Điều 7" in first and "Trừ 4 điểm" in first
        assert "Vượt khi đèn đỏ" in first and "crossed on red" not in first
        second = (await an.get("/cases/2")).text
        assert "6.000.000–8.000.000 đ" in second and "77.5 km/h, giới hạn 50.0 km/h" in second
        assert "Lịch sử phương tiện" in second and ">1</span>" in second  # the other case


async def test_no_such_case_is_said(console: Console) -> None:
    async with reviewer(console, "an") as an:
        answer = await an.get("/cases/77", headers={"accept": "text/html"})
        assert answer.status_code == 404 and "Không có hồ sơ 77" in answer.text
        for number in ("0", "-1", "x", str(2**70)):
            assert (await an.get(f"/cases/{number}")).status_code == 422


async def test_notes_stay_and_are_escaped(console: Console) -> None:
    await flag(console, 1)
    async with reviewer(console, "an") as an:
        evil = "<script>alert(1)</script>' OR 1=1 --"
        assert (await an.post("/cases/1/note", data={"text": evil})).status_code == 200
        assert (await an.post("/cases/1/note", data={"text": " "})).status_code == 422
        page = (await an.get("/cases/1")).text
        assert "<script>alert" not in page and "&lt;script&gt;alert(1)" in page
