"""A case leaves the house: what is in the ZIP, who may have it, and what is written down."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from console.originals import place_of
from ioc.settings import DatabaseSettings
from store.people import ROLES
from tests.console.custody import Console, as_owner, running
from tests.console.exports import Act, deliver, enrol_camera, enter_case, enter_site, make_act

WHY = "Bàn giao PC08 theo công văn 12/2026"


async def export(console: Console, number: int, role: str = "auditor") -> httpx.Response:
    async with console.as_(role) as client:  # type: ignore[arg-type]
        return await client.post(f"/cases/{number}/export", data={"why": WHY})


def verify(path: Path, *words: str, script: Path | None = None) -> tuple[int, str]:
    """Run the shipped verifier alone: no packages of ours can be found."""
    done = subprocess.run(
        [sys.executable, "-I", str(script or path / "verify.py"), str(path), *words],
        cwd="/", capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def unpack(content: bytes, folder: Path) -> Path:
    folder.mkdir()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)
    return folder


async def whole(console: Console, database: DatabaseSettings, folder: Path) -> tuple[int, Act]:
    """A confirmed case with a complete, trusted set."""
    act = make_act(database, folder)
    enrol_camera(database, folder)
    deliver(database, folder, act)
    enter_site(database)
    return enter_case(database, [act]), act


async def test_an_export_verifies_by_itself(database: DatabaseSettings, tmp_path: Path) -> None:
    async with running(database, tmp_path) as console:
        number, act = await whole(console, database, tmp_path)
        answer = await export(console, number)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/zip"
        name = f'filename="ho-so-{number}-'
        assert name in answer.headers["content-disposition"]
        digest = hashlib.sha256(answer.content)
        told = base64.b64encode(digest.digest()).decode()
        assert answer.headers["repr-digest"] == f"sha-256=:{told}:"
        assert int(answer.headers["content-length"]) == len(answer.content)

        folder = unpack(answer.content, tmp_path / "out")
        console_key = tmp_path / "console.pub.pem"
        console_key.write_text(console.context.vault.signing.public_pem())
        for words in ((), ("--key", str(console_key))):
            code, said = verify(folder, *words)
            assert code == 0, said
            assert "NGUYÊN VẸN" in said
            assert "INTACT" in said
            assert "LỖI" not in said
        archive = tmp_path / "x.zip"
        archive.write_bytes(answer.content)
        code, said = verify(archive, script=folder / "verify.py")
        assert code == 0, said
        assert digest.hexdigest() in said

        there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
        mine = f"evidence/{act.id}"
        assert there == {
            "record.pdf", "manifest.json", "signature.json", "audit.jsonl", "verify.py",
            "HUONG_DAN.txt", "keys/console.pem", f"keys/{console_key_id(folder)}.pem",
            f"{mine}/clip.mp4", f"{mine}/before.jpg", f"{mine}/at.jpg", f"{mine}/after.jpg",
            f"{mine}/plate.png", f"{mine}/manifest.json",
        }  # fmt: skip
        for role in ("clip", "at", "manifest"):
            file = {"clip": "clip.mp4", "at": "at.jpg", "manifest": "manifest.json"}[role]
            data = (folder / mine / file).read_bytes()
            assert hashlib.sha256(data).hexdigest() == act.digest(role)
        manifest = json.loads((folder / "manifest.json").read_text())
        assert manifest["case"]["plate_read"] == "95B1-123.45"
        assert [one["name"] for one in manifest["decisions"]] == [
            "Nguyễn Thị Reviewer", "Nguyễn Thị Supervisor",
        ]  # fmt: skip
        assert manifest["violations"][0]["law"]["article"] == "Điều 7, khoản 7, điểm c"
        assert [(one["role"], one["reason"]) for one in manifest["missing"]] == [
            ("proxy", "viewing_copy")
        ]
        assert manifest["export"]["why"] == WHY
        lines = [json.loads(line) for line in (folder / "audit.jsonl").read_text().splitlines()]
        assert {line["action"] for line in lines} == {"case.viewed", "evidence.received"}


def console_key_id(folder: Path) -> str:
    (device,) = json.loads((folder / "manifest.json").read_text())["keys"]["devices"]
    return str(device["id"])


async def test_an_export_is_written_down_and_leaves_nothing_behind(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with running(database, tmp_path) as console:
        number, _ = await whole(console, database, tmp_path)
        answer = await export(console, number, "supervisor")
        sha256 = hashlib.sha256(answer.content).hexdigest()
        ((actor, subject, detail),) = await console.audited("case.exported")
        assert (actor, subject) == ("person:supervisor", f"case:{number}")
        assert (detail["why"], detail["sha256"], detail["missing"]) == (WHY, sha256, 1)
        async with console.context.pool.connection() as connection:
            cursor = await connection.execute("SELECT why, sha256, bytes FROM case_export")
            assert await cursor.fetchall() == [(WHY, sha256, len(answer.content))]
        assert list((tmp_path / "work/exports").iterdir()) == []


@pytest.mark.parametrize("role", ROLES)
async def test_who_may_export(database: DatabaseSettings, tmp_path: Path, role: str) -> None:
    async with running(database, tmp_path) as console:
        number, _ = await whole(console, database, tmp_path)
        answer = await export(console, number, role)
        may = role in ("reviewer", "supervisor", "auditor")
        assert answer.status_code == (200 if may else 403)
        assert len(await console.audited("case.exported")) == int(may)


async def test_an_export_says_why(database: DatabaseSettings, tmp_path: Path) -> None:
    async with running(database, tmp_path) as console:
        number, _ = await whole(console, database, tmp_path)
        async with console.as_("reviewer") as client:
            for data in ({}, {"why": ""}, {"why": "  "}, {"why": "a\x00b"}, {"why": "x" * 501}):
                answer = await client.post(f"/cases/{number}/export", data=data)
                assert answer.status_code == 422, data
            for wrong in ("0", "99999", "x", "-1", "1e3"):
                answer = await client.post(f"/cases/{wrong}/export", data={"why": WHY})
                assert answer.status_code in (404, 422), wrong
            token = client.headers.pop("x-csrf-token")
            answer = await client.post(f"/cases/{number}/export", data={"why": WHY})
            assert answer.status_code == 403
            answer = await client.post(f"/cases/{number}/export", data={"why": WHY, "csrf": token})
            assert answer.status_code == 200
        assert len(await console.audited("case.exported")) == 1


async def test_whoever_may_still_decide_does_not_learn_what_others_said(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with running(database, tmp_path) as console:
        act = make_act(database, tmp_path)
        number = enter_case(database, [act], state="second")
        for role, status in (("reviewer", 409), ("supervisor", 409), ("auditor", 200)):
            assert (await export(console, number, role)).status_code == status


async def test_a_case_past_its_time_has_nothing_to_export(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with running(database, tmp_path) as console:
        number, _ = await whole(console, database, tmp_path)
        as_owner(database, "UPDATE review_case SET expunged = now()")
        assert (await export(console, number)).status_code == 410


async def test_what_is_missing_or_damaged_is_said_openly(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with running(database, tmp_path) as console:
        act = make_act(database, tmp_path)
        enrol_camera(database, tmp_path)
        deliver(database, tmp_path, act, but=("clip",))
        number = enter_case(database, [act])
        at = tmp_path / "originals" / place_of(act.digest("at"))
        at.chmod(0o644)
        at.write_bytes(at.read_bytes()[:-1] + b"x")
        (tmp_path / "originals" / place_of(act.digest("plate"))).unlink()
        as_owner(
            database, "UPDATE evidence SET deleted = now() WHERE sha256 = %s", act.digest("after")
        )
        answer = await export(console, number)
        folder = unpack(answer.content, tmp_path / "out")
        missing = json.loads((folder / "manifest.json").read_text())["missing"]
        assert {one["role"]: one["reason"] for one in missing} == {
            "clip": "not_received", "at": "damaged", "plate": "damaged", "proxy": "viewing_copy",
            "after": "removed_by_retention",
        }  # fmt: skip
        code, said = verify(folder)
        assert code == 0, said
        # Five files, the key that was not given, and no root yet.
        assert said.count("CHÚ Ý") == 7
        damaged = await console.audited("evidence.damaged")
        assert {one[1] for one in damaged} == {
            f"evidence:{act.digest('at')}", f"evidence:{act.digest('plate')}",
        }  # fmt: skip


async def test_signatures_that_are_not_trusted_are_said_openly(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with running(database, tmp_path) as console:
        act = make_act(database, tmp_path, signed=False)
        deliver(database, tmp_path, act)  # nobody vouches for the camera's key
        number = enter_case(database, [act])
        folder = unpack((await export(console, number)).content, tmp_path / "out")
        (violation,) = json.loads((folder / "manifest.json").read_text())["violations"]
        assert violation["signature_fault"] == "unsigned"
        assert violation["evidence_fault"] == "unknown_key"
        code, said = verify(folder)
        assert code == 0, said
        assert "unsigned" in said
        assert "unknown_key" in said


async def test_an_event_that_was_changed_in_the_database_is_said_openly(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with running(database, tmp_path) as console:
        number, _ = await whole(console, database, tmp_path)
        as_owner(database, "UPDATE violation SET plate_text = '95B1-999.99'")
        folder = unpack((await export(console, number)).content, tmp_path / "out")
        code, said = verify(folder)
        assert code == 0, said
        assert "CHÚ Ý" in said
        assert "changed" in said


async def test_two_acts_of_one_case_lie_apart(database: DatabaseSettings, tmp_path: Path) -> None:
    async with running(database, tmp_path) as console:
        acts = [make_act(database, tmp_path, track=track) for track in (7, 8)]
        enrol_camera(database, tmp_path)
        for act in acts:
            deliver(database, tmp_path, act)
        number = enter_case(database, acts)
        folder = unpack((await export(console, number)).content, tmp_path / "out")
        assert {path.name for path in (folder / "evidence").iterdir()} == {str(a.id) for a in acts}
        code, said = verify(folder)
        assert code == 0, said


async def test_the_root_goes_along(database: DatabaseSettings, tmp_path: Path) -> None:
    from console import audit_roots

    async with running(database, tmp_path) as console:
        number, _ = await whole(console, database, tmp_path)
        console.clock.now += timedelta(days=1, minutes=11)
        await audit_roots.work(console.context)
        console.clock.now -= timedelta(days=1, minutes=11)
        folder = unpack((await export(console, number)).content, tmp_path / "out")
        assert (folder / "root.json").exists()
        code, said = verify(folder)
        assert code == 0, said
        assert "Mốc ký ngày" in said


async def test_no_more_exports_at_once_than_the_machine_can_bear(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    from console.pages import export as page

    async with running(database, tmp_path) as console:
        number, _ = await whole(console, database, tmp_path)
        for _ in range(page.MOST_AT_ONCE):
            assert page._slots.acquire(blocking=False)
        try:
            answer = await export(console, number)
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "10"
        finally:
            for _ in range(page.MOST_AT_ONCE):
                page._slots.release()
        answer = await export(console, number)
        assert answer.status_code == 200, answer.text


async def test_a_full_disk_is_told(database: DatabaseSettings, tmp_path: Path) -> None:
    async with running(database, tmp_path) as console:
        number, _ = await whole(console, database, tmp_path)
    as_owner(database, "DELETE FROM person WHERE login <> 'reviewer' AND login <> 'supervisor'")
    as_owner(database, "UPDATE person SET login = 'old-' || login")
    async with running(database, tmp_path / "full", min_free_mb=10**9) as console:
        answer = await export(console, number)
        assert answer.status_code == 507
        assert "console.min_free_mb" in answer.json()["message"]


async def test_a_case_is_held_and_let_go(database: DatabaseSettings, tmp_path: Path) -> None:
    async with running(database, tmp_path) as console:
        act = make_act(database, tmp_path)
        number = enter_case(database, [act])
        async with console.as_("supervisor") as client:

            async def hold(do: str, why: str = "Khiếu nại số 7") -> int:
                data = {"do": do, "why": why}
                return (await client.post(f"/cases/{number}/hold", data=data)).status_code

            assert [await hold("set", ""), await hold("keep"), await hold("lift")] == [
                422,
                422,
                409,
            ]
            assert [await hold("set"), await hold("set"), await hold("lift", "Xong")] == [
                303, 409, 303,
            ]  # fmt: skip
            assert (
                await client.post("/cases/999/hold", data={"do": "set", "why": "x"})
            ).status_code == 404
        assert await console.audited("case.held") == [
            ("person:supervisor", f"case:{number}", {"why": "Khiếu nại số 7"})
        ]
        assert await console.audited("case.hold_lifted") == [
            ("person:supervisor", f"case:{number}", {"why": "Xong"})
        ]
        for role in ("reviewer", "auditor", "admin"):
            async with console.as_(role) as client:
                answer = await client.post(f"/cases/{number}/hold", data={"do": "set", "why": "x"})
                assert answer.status_code == 403
