"""What people are shown of a case: copies in parts, never an original, never a damaged one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import cv2
import httpx
import numpy as np
import pytest

from console.evidence_jobs import sweep, view_ahead
from console.softening import Box
from console.views import NoViewError, view_of, views_of
from edge.evidence_store import EvidenceStore
from ioc.settings import DatabaseSettings
from store import evidence
from store.evidence import CaseEvidence, CaseFile
from tests.console.custody import Console, running
from tests.console.senders import (
    OTHER,
    PATH,
    enrol,
    enter_violation,
    event_of,
    execute,
    make_case,
    make_set,
    rows,
    send,
    stored,
)
from tests.vision.evidence import sets
from vision.evidence.builder import EvidenceBuilder
from vision.evidence.request import Evidence


class Case:
    """A case with evidence of a real set, in a console."""

    def __init__(self, console: Console, number: int, found: Evidence, node: Path) -> None:
        self.console = console
        self.number = number
        self.node = node
        self.by_role: dict[str, str] = {ref.role: ref.sha256 for ref in found.refs}

    def url(self, role: str) -> str:
        return f"/evidence/{self.by_role[role]}/view?case={self.number}"

    def original(self, role: str) -> Path:
        sha256 = self.by_role[role]
        url = Path(self.console.settings.console.evidence_url)
        return url / sha256[:2] / sha256

    async def sets(self) -> list[CaseEvidence]:
        async with self.console.context.pool.connection() as connection:
            found = await evidence.case_of(connection, self.number)
            assert found is not None
            return await evidence.sets_of_case(connection, found[0])


async def get(client: httpx.AsyncClient, url: str, **headers: str) -> httpx.Response:
    """An answer other than "wait"."""
    for _ in range(60):
        answer = await client.get(url, headers=headers)
        if answer.status_code != 202:
            return answer
        assert answer.headers["retry-after"]
        await asyncio.sleep(0.2)
    raise AssertionError(answer.text)


@pytest.fixture
async def case(database: DatabaseSettings, tmp_path: Path) -> AsyncIterator[Case]:
    """A set without a proxy, of a key that is enrolled, whole."""
    node, keys = tmp_path / "node", tmp_path / "keys"
    found = make_set(node, keys, proxy=False)
    enrol(database, sets.key_of(keys))
    number = make_case(database, enter_violation(database, event_of(found, sets.key_of(keys))))
    async with running(database, tmp_path / "console") as console:
        await send(console.app, database, node, found)
        yield Case(console, number, found, node)


async def test_stills_show_the_vehicle_and_nothing_else(case: Case) -> None:
    async with case.console.as_("reviewer") as client:
        at = await get(client, case.url("at"))
        before = await get(client, case.url("before"))
    for answer in (at, before):
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["cache-control"] == "no-store"
    original = _picture(stored(case.node, case.by_role["at"]))
    shown = _picture(at.content)
    box = Box(60.4, 30, 80, 50)  # of the set: grown by 15 %
    inside = (slice(int(box.top), int(box.bottom)), slice(61, 80))
    assert np.abs(shown[inside].astype(int) - original[inside]).mean() < 4
    assert np.abs(shown.astype(int) - original)[:, :50].max() < 40
    # No box tells where it was a second before.
    edge = np.abs(np.diff(_picture(before.content).astype(int), axis=1)).max()
    assert edge < np.abs(np.diff(original.astype(int), axis=1)).max() / 2


def _picture(data: bytes) -> Any:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image


async def test_a_plate_is_shown_as_it_is_and_a_clip_is_played(case: Case) -> None:
    async with case.console.as_("reviewer") as client:
        plate = await get(client, case.url("plate"))
        clip = await get(client, case.url("clip"))
    assert plate.headers["content-type"] == "image/png"
    assert plate.content == stored(case.node, case.by_role["plate"])
    assert clip.headers["content-type"] == "video/mp4"
    assert clip.content[4:8] == b"ftyp"
    assert clip.content != stored(case.node, case.by_role["clip"])


async def test_the_nodes_own_proxy_is_the_copy_of_the_clip(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    node, keys = tmp_path / "node", tmp_path / "keys"
    store = EvidenceStore(node, budget_bytes=2**26)
    proxy = sets.PROXY
    proxy = type(proxy)(proxy.role, b"\0\0\0\x18ftypisom" + proxy.data, proxy.media_type, ".mp4")
    builder: EvidenceBuilder = sets.builder_of(store, keys)
    found = builder.build(sets.request(), sets.packets(), [proxy])
    store.close()
    enrol(database, sets.key_of(keys))
    number = make_case(database, enter_violation(database, event_of(found, None)))
    async with running(database, tmp_path / "console") as console:
        await send(console.app, database, node, found)
        one = Case(console, number, found, node)
        async with console.as_("supervisor") as client:
            clip = await get(client, one.url("clip"))
            assert clip.content == proxy.data
            assert (await get(client, one.url("proxy"))).content == proxy.data
            still = await get(client, one.url("at"))
            # Nobody vouches for it any more: it is a recording like any other.
            execute(database, "UPDATE evidence_set SET fault = 'unknown_key'")
            assert (await get(client, one.url("clip"))).content != proxy.data
            assert (await get(client, one.url("at"))).content != still.content
            plate = await get(client, one.url("plate"))
            assert plate.content != stored(node, one.by_role["plate"])


async def test_who_may_look(case: Case) -> None:
    for role, status in (("auditor", 200), ("operator", 403), ("admin", 403)):
        async with case.console.as_(role) as client:  # type: ignore[arg-type]
            answer = await get(client, case.url("plate"))
            assert answer.status_code == status
    transport = httpx.ASGITransport(case.console.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as stranger:
        assert (await stranger.get(case.url("plate"))).status_code == 401


async def test_only_files_of_the_case_are_shown(case: Case, database: DatabaseSettings) -> None:
    other = make_case(database)
    sha256 = case.by_role["at"]
    async with case.console.as_("reviewer") as client:
        for url in (
            f"/evidence/{sha256}/view?case={other}",
            f"/evidence/{sha256}/view?case=999999",
            f"/evidence/{'0' * 64}/view?case={case.number}",
            case.url("manifest"),
        ):
            assert (await client.get(url)).status_code == 404, url
        for url in (
            f"/evidence/{sha256}/view",
            f"/evidence/{sha256}/view?case=0",
            f"/evidence/{sha256}/view?case=1%20OR%201=1",
            f"/evidence/{sha256.upper()}/view?case={case.number}",
        ):
            assert (await client.get(url)).status_code == 422, url
        execute(database, "UPDATE review_case SET expunged = now()")
        gone = await client.get(case.url("at"))
        assert (gone.status_code, gone.json()["error"]) == (410, "view_expunged")


async def test_looking_is_written_down_once_for_many_parts(case: Case) -> None:
    async with case.console.as_("reviewer") as client:
        for role in ("plate", "at", "plate"):
            await get(client, case.url(role), Range="bytes=0-9")
    async with case.console.as_("auditor") as client:
        await get(client, case.url("plate"))
    assert [line[:2] for line in await case.console.audited("evidence.viewed")] == [
        ("person:reviewer", f"case:{case.number}"), ("person:auditor", f"case:{case.number}"),
    ]  # fmt: skip


@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
async def test_a_damaged_original_is_never_shown(case: Case, damage: str) -> None:
    original = case.original("at")
    data = original.read_bytes()
    if damage == "gone":
        original.unlink()
    else:
        original.chmod(0o600)
        middle = len(data) // 2
        flipped = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        original.write_bytes(flipped if damage == "flip" else data[:-1])
    async with case.console.as_("reviewer") as client:
        for _ in range(2):
            answer = await get(client, case.url("at"))
            assert (answer.status_code, answer.json()["error"]) == (422, "view_damaged")
        assert (await get(client, case.url("plate"))).status_code == 200
    lines = await case.console.audited("evidence.damaged")
    assert [line[1] for line in lines] == [f"evidence:{case.by_role['at']}"]
    assert not list((case.console.context.views.folder / "drafts").iterdir())


async def test_what_has_not_arrived_is_said_to_be_awaited(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    node, keys = tmp_path / "node", tmp_path / "keys"
    found = make_set(node, keys, proxy=False)
    enrol(database, sets.key_of(keys))
    number = make_case(database, enter_violation(database, event_of(found, sets.key_of(keys))))
    async with running(database, tmp_path / "console") as console:
        one = Case(console, number, found, node)
        (now,) = await one.sets()
        assert now.fault == "not_received"
        assert not any(file.is_there for file in now.files.values())
        await send(console.app, database, node, found, roles=("at",))
        async with console.as_("reviewer") as client:
            waiting = await client.get(one.url("before"))
            assert (waiting.status_code, waiting.json()["error"]) == (404, "view_not_received")
            assert waiting.headers["retry-after"]
            blind = await get(client, one.url("at"))
            await send(console.app, database, node, found)
            clear = await get(client, one.url("at"))
        assert blind.status_code == clear.status_code == 200
        assert blind.content != clear.content, "once the manifest is there the box is known"
        (whole,) = await one.sets()
    assert whole.fault is None
    assert whole.manifest is not None
    assert all(file.is_there for file in whole.files.values())
    assert whole.files["at"].offset_us == 0
    assert whole.act_picture == whole.files["at"].picture
    assert whole.files["before"].offset_us == -1_000_000
    assert whole.view_start_us == -2_000_000


async def test_a_set_of_another_act_proves_nothing(case: Case, database: DatabaseSettings) -> None:
    (right,) = await case.sets()
    assert right.fault is None
    for change in (
        "track = 8",
        "rule = 'speeding'",
        "act_time = act_time + interval '1 ms'",
        f"device = '{OTHER.device}'",
        "evidence = evidence - 0",
    ):
        kept = rows(database, "SELECT track, rule, act_time, device, evidence::text FROM violation")
        execute(database, f"UPDATE violation SET {change}")
        (wrong,) = await case.sets()
        assert wrong.fault == "differs", change
        execute(
            database,
            "UPDATE violation SET track = %s, rule = %s, act_time = %s, device = %s, "
            "evidence = %s::jsonb",
            *kept[0],
        )
    execute(database, "UPDATE evidence_set SET content = '{\"manifest\": 1}'")
    (broken,) = await case.sets()
    assert (broken.fault, broken.manifest) == ("unreadable", None)


async def test_copies_are_made_before_somebody_asks(case: Case) -> None:
    views = case.console.context.views
    await view_ahead(case.console.context)
    (one,) = await case.sets()
    wished = views_of(one)
    assert {view.kind for view in wished} == {"still", "video", "copy"}
    for _ in range(200):
        if all(views.ready(view) for view in wished):
            break
        await asyncio.sleep(0.1)
    assert all(views.ready(view) for view in wished)


async def test_copies_of_deleted_evidence_are_removed(
    case: Case, database: DatabaseSettings
) -> None:
    views = case.console.context.views
    async with case.console.as_("reviewer") as client:
        await get(client, case.url("at"))
        await get(client, case.url("plate"))
        execute(
            database, "UPDATE evidence SET deleted = now() WHERE sha256 = %s", case.by_role["at"]
        )
        gone = await client.get(case.url("at"))
        assert (gone.status_code, gone.json()["error"]) == (410, "view_expunged")
    await sweep(case.console.context)
    assert views.held() == [case.by_role["plate"]]


async def test_parts_over_http(case: Case) -> None:
    async with case.console.as_("reviewer") as client:
        whole = await get(client, case.url("plate"))
        data, etag = whole.content, whole.headers["etag"]
        assert whole.headers["accept-ranges"] == "bytes"
        for header, part in (
            ("bytes=0-0", data[:1]),
            ("bytes=5-", data[5:]),
            ("bytes=-7", data[-7:]),
            (f"bytes=3-{len(data) + 99}", data[3:]),
        ):
            answer = await client.get(case.url("plate"), headers={"Range": header})
            assert (answer.status_code, answer.content) == (206, part)
            start = data.index(part) if header != "bytes=0-0" else 0
            told = f"bytes {start}-{start + len(part) - 1}/{len(data)}"
            assert answer.headers["content-range"] == told
            assert answer.headers["content-length"] == str(len(part))
        over = await client.get(case.url("plate"), headers={"Range": f"bytes={len(data)}-"})
        assert (over.status_code, over.headers["content-range"]) == (416, f"bytes */{len(data)}")
        several = await client.get(case.url("plate"), headers={"Range": "bytes=0-1,4-5"})
        assert (several.status_code, several.content) == (200, data)
        for tag, status in ((etag, 206), ('"other"', 200)):
            headers = {"Range": "bytes=0-1", "If-Range": tag}
            assert (await client.get(case.url("plate"), headers=headers)).status_code == status
        same = await client.get(case.url("plate"), headers={"If-None-Match": etag})
        assert (same.status_code, same.content) == (304, b"")
        head = await client.head(case.url("plate"))
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(data))


def file(role: str, *, there: bool = True, media_type: str = "image/jpeg") -> CaseFile:
    return CaseFile(
        role=role, sha256=role.encode().hex().ljust(64, "0"), bytes=10, media_type=media_type,
        received=datetime.now(UTC) if there else None, deleted=None, picture=None, offset_us=None,
        derived=role == "proxy",
    )  # fmt: skip


def of(*files: CaseFile, fault: str | None = None) -> CaseEvidence:
    return CaseEvidence(
        violation=uuid4(), path=PATH, rule="red_light", act_time=datetime.now(UTC),
        files={one.role: one for one in files}, fault=fault, manifest=None,
    )  # fmt: skip


def test_which_copy_a_recording_has() -> None:
    clip, proxy = file("clip", media_type="video/mp4"), file("proxy", media_type="video/mp4")
    assert view_of(of(clip, proxy), clip).kind == "copy"
    assert view_of(of(clip, proxy), clip).sha256 == proxy.sha256
    away = file("proxy", there=False, media_type="video/mp4")
    assert view_of(of(clip, away), away).sha256 == clip.sha256
    odd = file("proxy", media_type="text/html")
    assert view_of(of(clip, odd), odd).kind == "video"
    untrusted = view_of(of(clip, proxy, fault="unknown_key"), proxy)
    assert (untrusted.kind, untrusted.sha256, untrusted.boxes) == ("video", clip.sha256, ())
    only = view_of(of(proxy, fault="differs"), proxy)
    assert (only.kind, only.sha256) == ("video", proxy.sha256)
    with pytest.raises(NoViewError, match="view_not_received"):
        view_of(of(file("clip", there=False)), file("clip", there=False))
    with pytest.raises(NoViewError, match="view_none"):
        view_of(of(clip), file("manifest"))
