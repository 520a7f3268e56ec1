"""Decided cases handed over to other systems: what is told, to whom, and what the audit keeps."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import httpx
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.api.cursor import cursor_of, place_of
from ioc.settings import DatabaseSettings
from store.handover import Place
from tests.console.custody import (
    Console,
    Hands,
    running,
)
from tests.console.programs import (
    CLIP,
    NOON,
    STILL,
    bearer,
    enter_credential,
    enter_sites,
    make_case,
)

LATER = NOON + timedelta(days=1)


@pytest.fixture
async def console(database: DatabaseSettings, tmp_path: Path) -> AsyncIterator[Console]:
    enter_sites(database)
    async with running(database, tmp_path, clock=Hands(LATER)) as console:
        yield console


@pytest.fixture
async def centre(console: Console, database: DatabaseSettings) -> AsyncIterator[httpx.AsyncClient]:
    """The traffic command centre, which may know of everything."""
    async with bearer(console, enter_credential(database, "trung-tam")) as client:
        yield client


async def test_a_confirmed_case_says_what_the_notice_to_the_owner_needs(
    centre: httpx.AsyncClient, database: DatabaseSettings
) -> None:
    made = make_case(database, fixed="95-B1 234.58")
    with psycopg.connect(database.url) as connection:
        connection.execute(
            "INSERT INTO evidence (sha256, bytes, media_type, city, site, device) "
            "VALUES (%s, 1000, 'video/mp4', 'vithanh', 'tran-hung-dao', 'cam-1')",
            (CLIP["sha256"],),
        )
    answer = await centre.get(f"/api/v1/cases/{made.number}")
    assert answer.status_code == 200
    case = answer.json()
    assert case["vehicle"] == "motorcycle"
    assert case["vehicle_vi"] == "Xe máy"
    assert case["plate"] == {"text": "95-B1 234.58", "read": "95-B1 234.56", "colour": "white"}
    assert case["act_first"] == "2026-11-19T05:00:00.000Z"
    assert case["place"]["name_vi"] == "Ngã tư Trần Hưng Đạo"
    assert (case["place"]["latitude"], case["place"]["longitude"]) == (9.7842, 105.4703)
    (act,) = case["acts"]
    assert act["rule_vi"] == "Vượt đèn đỏ"
    assert act["penalty"]["article"] == "Điều 7, khoản 7, điểm c"
    assert (act["penalty"]["fine_min"], act["penalty"]["fine_max"]) == (4_000_000, 6_000_000)
    assert act["penalty"]["points"] == 4
    assert case["amounts"] == {"fine_min": 4_000_000, "fine_max": 6_000_000, "points": 4}
    assert case["laws"][0] == "168/2024/NĐ-CP"
    assert act["evidence"] == [{**CLIP, "held": True}, {**STILL, "held": False}]
    assert [(one["stage"], one["verdict"], one["unit"]) for one in case["decisions"]] == [
        ("first", "confirm", "Đội CSGT số 1"),
        ("second", "confirm", "Đội CSGT số 1"),
    ]
    assert case["decisions"][1]["decided"] == "2026-11-20T05:00:00.000Z"
    assert case["detecting_unit"].startswith("Trung tâm điều hành")
    assert case["handling_unit"].startswith("Phòng Cảnh sát giao thông")
    assert case["phone"] == "0293 3878 113"
    assert "Nguyễn Thị" not in answer.text  # units speak for the police, not names


async def test_a_speed_is_told_with_its_limit_and_band(
    centre: httpx.AsyncClient, database: DatabaseSettings
) -> None:
    made = make_case(database, rule="speeding", vehicle="car", speed_kmh=72.0, limit_kmh=50.0)
    (act,) = (await centre.get(f"/api/v1/cases/{made.number}")).json()["acts"]
    assert (act["speed_kmh"], act["limit_kmh"]) == (72.0, 50.0)
    assert "20 km/h" in act["penalty"]["title_vi"]


async def test_what_the_law_has_no_penalty_for_says_why(
    centre: httpx.AsyncClient, database: DatabaseSettings
) -> None:
    made = make_case(database, rule="no_helmet", vehicle="car")
    case = (await centre.get(f"/api/v1/cases/{made.number}")).json()
    assert case["acts"][0]["penalty"] is None
    assert case["acts"][0]["no_penalty_vi"]
    assert case["amounts"] == {"fine_min": 0, "fine_max": 0, "points": 0}


async def test_a_rejected_case_is_told_only_if_asked_for_and_without_its_plate(
    centre: httpx.AsyncClient, database: DatabaseSettings
) -> None:
    made = make_case(database, state="rejected")
    assert (await centre.get(f"/api/v1/cases/{made.number}")).status_code == 404
    assert (await centre.get("/api/v1/cases")).json()["cases"] == []
    answer = await centre.get(f"/api/v1/cases/{made.number}", params={"state": "rejected"})
    case = answer.json()
    assert case["plate"] is None
    assert "234.56" not in answer.text
    assert case["amounts"] is None
    assert case["acts"][0]["penalty"] is None
    assert case["decisions"][0]["reason"] == "unclear_image"
    listed = (await centre.get("/api/v1/cases", params={"state": "rejected"})).json()["cases"]
    assert [one["number"] for one in listed] == [made.number]


@pytest.mark.parametrize("state", ["pending", "second"])
async def test_an_undecided_case_does_not_exist_for_programs(
    centre: httpx.AsyncClient, database: DatabaseSettings, state: str
) -> None:
    made = make_case(database, state=state)  # type: ignore[arg-type]
    for asked in ("confirmed", "rejected"):
        answer = await centre.get(f"/api/v1/cases/{made.number}", params={"state": asked})
        assert answer.status_code == 404
        assert answer.json()["error"] == "handover_none"
    assert (await centre.get("/api/v1/cases")).json()["cases"] == []


async def test_an_expunged_case_has_no_plate(
    centre: httpx.AsyncClient, database: DatabaseSettings
) -> None:
    made = make_case(database, expunged=LATER)
    answer = await centre.get(f"/api/v1/cases/{made.number}")
    assert answer.json()["expunged"] is True
    assert "234.56" not in answer.text


@pytest.mark.parametrize(
    ("reach", "sees"),
    [
        ("", {"vithanh/tran-hung-dao", "vithanh/le-loi", "ngabay/hung-vuong"}),
        ("vithanh", {"vithanh/tran-hung-dao", "vithanh/le-loi"}),
        ("vithanh/le-loi", {"vithanh/le-loi"}),
        ("vithanh/le-loi/cam-2", set()),
        ("ngabay", {"ngabay/hung-vuong"}),
    ],
)
async def test_a_credential_sees_what_it_reaches_and_nothing_else(
    console: Console, database: DatabaseSettings, reach: str, sees: set[str]
) -> None:
    made = {
        at: make_case(database, at=at)
        for at in ("vithanh/tran-hung-dao", "vithanh/le-loi", "ngabay/hung-vuong")
    }
    async with bearer(console, enter_credential(database, "narrow", at=reach)) as client:
        for at, case in made.items():
            answer = await client.get(f"/api/v1/cases/{case.number}")
            assert answer.status_code == (200 if at in sees else 404), at
        for query in ({}, {"city": "ngabay"}, {"city": "vithanh", "site": "le-loi"}):
            listed = (await client.get("/api/v1/cases", params=query)).json()["cases"]
            wanted = {at for at in sees if at.startswith("/".join(query.values()))}
            assert {f"{one['city']}/{one['site']}" for one in listed} == wanted, query
    told = {subject for _, subject, _ in await console.audited("case.handed_over")}
    assert told == {f"case:{made[at].number}" for at in sees}  # a 404 hands nothing over


async def test_only_programs_of_this_scope_come_in(
    console: Console, database: DatabaseSettings
) -> None:
    made = make_case(database)
    path = f"/api/v1/cases/{made.number}"
    async with bearer(console) as nobody:
        answer = await nobody.get(path)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    async with bearer(console, "a guess") as guesser:
        assert (await guesser.get(path)).status_code == 401
    token = enter_credential(database, "node", scope="evidence", at="vithanh")
    async with bearer(console, token) as camera:
        assert (await camera.get(path)).status_code == 403
    async with console.as_("admin") as admin:
        assert (await admin.get(path)).status_code == 401


async def test_every_fetch_is_in_the_audit_and_a_list_once(
    console: Console, centre: httpx.AsyncClient, database: DatabaseSettings
) -> None:
    made = [make_case(database), make_case(database)]
    path = f"/api/v1/cases/{made[0].number}"
    tag = (await centre.get(path)).headers["ETag"]
    again = await centre.get(path, headers={"If-None-Match": f'"other", {tag}'})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    lines = await console.audited("case.handed_over")
    assert [line[:2] for line in lines] == [("credential:trung-tam", f"case:{made[0].number}")] * 2
    assert [line[2]["unchanged"] for line in lines] == [False, True]
    await centre.get("/api/v1/cases", params={"city": "vithanh"})
    ((actor, subject, detail),) = await console.audited("cases.listed")
    assert (actor, subject) == ("credential:trung-tam", "cases")
    assert detail["city"] == "vithanh"
    assert sorted(detail["cases"]) == [one.number for one in made]


async def test_a_tag_changes_with_the_case(
    centre: httpx.AsyncClient, database: DatabaseSettings
) -> None:
    made = make_case(database)
    path = f"/api/v1/cases/{made.number}"
    tag = (await centre.get(path)).headers["ETag"]
    with psycopg.connect(database.url) as connection:
        connection.execute("UPDATE review_case SET expunged = %s", (LATER,))
    answer = await centre.get(path, headers={"If-None-Match": tag})
    assert answer.status_code == 200
    assert answer.headers["ETag"] != tag
    weak = await centre.get(path, headers={"If-None-Match": f"W/{answer.headers['ETag']}"})
    assert weak.status_code == 304
    assert (await centre.get(path, headers={"If-None-Match": "*"})).status_code == 304


async def test_a_list_names_no_vehicle(
    centre: httpx.AsyncClient, database: DatabaseSettings
) -> None:
    make_case(database)
    answer = await centre.get("/api/v1/cases")
    assert len(answer.json()["cases"]) == 1
    assert "plate" not in answer.text
    assert "95-B1" not in answer.text


async def test_pages_hold_every_case_once_even_of_one_instant(
    centre: httpx.AsyncClient, database: DatabaseSettings
) -> None:
    moments = [NOON, NOON, NOON, NOON + timedelta(seconds=1), NOON + timedelta(seconds=1)]
    made = [make_case(database, decided=at).number for at in moments]
    seen: list[int] = []
    cursor, pages = None, 0
    while True:
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = (await centre.get("/api/v1/cases", params=query)).json()
        seen += [one["number"] for one in page["cases"]]
        cursor, pages = page["cursor"], pages + 1
        if not page["more"]:
            break
    assert pages == 3
    assert sorted(seen) == sorted(made)
    assert len(set(seen)) == 5
    # Whoever keeps the cursor gets what is decided later, and only that.
    idle = (await centre.get("/api/v1/cases", params={"cursor": cursor})).json()
    assert (idle["cases"], idle["cursor"], idle["more"]) == ([], cursor, False)
    late = make_case(database, decided=NOON + timedelta(hours=1)).number
    page = (await centre.get("/api/v1/cases", params={"cursor": cursor})).json()
    assert [one["number"] for one in page["cases"]] == [late]


async def test_since_and_until_are_of_the_decision(
    centre: httpx.AsyncClient, database: DatabaseSettings
) -> None:
    made = [make_case(database, decided=NOON + timedelta(hours=n)).number for n in range(4)]
    query = {"since": "2026-11-20T13:00:00+07:00", "until": "2026-11-20T08:00:00Z"}
    page = (await centre.get("/api/v1/cases", params=query)).json()
    assert [one["number"] for one in page["cases"]] == made[1:3]


async def test_a_list_waits_for_slow_commits(
    console: Console, centre: httpx.AsyncClient, database: DatabaseSettings
) -> None:
    made = make_case(database, decided=LATER - timedelta(seconds=30))
    query = {"until": (LATER + timedelta(days=1)).isoformat()}
    assert (await centre.get("/api/v1/cases", params=query)).json()["cases"] == []
    assert (await centre.get(f"/api/v1/cases/{made.number}")).status_code == 200
    console.clock.now = LATER + timedelta(seconds=31)
    assert len((await centre.get("/api/v1/cases", params=query)).json()["cases"]) == 1


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "201"},
        {"state": "pending"},
        {"cursor": "../../etc/passwd"},
        {"since": "yesterday"},
        {"since": "2026-11-20T05:00:00"},
        {"city": "vithanh' OR 1=1 --"},
        {"site": "x" * 64},
    ],
)
async def test_wrong_parameters_are_refused_by_name(
    centre: httpx.AsyncClient, query: dict[str, str]
) -> None:
    answer = await centre.get("/api/v1/cases", params=query)
    assert answer.status_code == 422
    assert next(iter(query)) in answer.json()["message"]


@pytest.mark.parametrize("number", ["0", "-1", "9223372036854775808", "1e3", "x"])
async def test_a_number_that_is_none_is_refused(centre: httpx.AsyncClient, number: str) -> None:
    assert (await centre.get(f"/api/v1/cases/{number}")).status_code == 422


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31)).map(
        lambda at: at.replace(tzinfo=UTC)
    ),
    st.uuids(),
)
def test_a_cursor_comes_back_as_it_went(at: datetime, key: UUID) -> None:
    place = Place(at, key)
    assert place_of(cursor_of(place)) == place


@given(st.from_regex(r"[0-9a-f]{48}", fullmatch=True))
def test_every_text_of_the_shape_is_a_place(text: str) -> None:
    place = place_of(text)
    assert place.at.tzinfo is UTC
    assert place.key.hex == text[16:]


@given(
    st.lists(
        st.tuples(
            st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31)).map(
                lambda at: at.replace(tzinfo=UTC)
            ),
            st.uuids(),
        ),
        min_size=2,
    )
)
def test_cursors_sort_as_the_list_does(places: list[tuple[datetime, UUID]]) -> None:
    ordered = sorted(Place(*one) for one in places)
    assert sorted(cursor_of(one) for one in ordered) == [cursor_of(one) for one in ordered]
