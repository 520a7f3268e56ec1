"""The one-page record: one page whatever the case holds, and honest words."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from console.export import record as page
from console.export import words
from console.export.contents import Contents, Exhibit, law_of
from console.export.record import Still, record, shrunk
from ioc.console_settings import ConsoleSettings
from ioc.events import ClockRef, EvidenceRef, FrameWindow, ModelRef, Plate, ViolationData
from ioc.topics import DevicePath
from store.cases import CaseRow, DecisionRow
from store.chain import START
from store.evidence import CaseEvidence, CaseFile
from store.export import Envelope, Junction
from store.people import Person

ACT = datetime(2026, 11, 22, 1, 2, 3, 456000, tzinfo=UTC)
PATH = DevicePath("vithanh", "tran-hung-dao", "cam-1")
ID = UUID(int=7)


def picture(width: int = 320, height: int = 180, kind: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), (90, 120, 90)).save(out, kind)
    return out.getvalue()


def violation(**changes: Any) -> ViolationData:
    values: dict[str, Any] = {
        "rule": "red_light", "track": 7, "vehicle": "motorcycle", "act_time": ACT,
        "confidence": 0.9, "model": ModelRef(name="m", sha256="a" * 64),
        "clock": ClockRef(source="ntp", offset_ms=1.5), "frames": FrameWindow(first=1, last=9),
        "plate": Plate(text="95B1-123.45", confidence=0.9, colour="white"),
        "evidence": (EvidenceRef(role="clip", sha256="b" * 64, bytes=9, media_type="video/mp4"),),
        **changes,
    }  # fmt: skip
    return ViolationData(**values)


def exhibit(data: ViolationData, number: int = 1, fault: str | None = None) -> Exhibit:
    id = UUID(int=number)
    envelope = Envelope(
        id=id, time=ACT, received=ACT, bootid=ID, sequence=1, replayed=False, adapter=None
    )
    file = CaseFile(
        role="clip", sha256="b" * 64, bytes=9, media_type="video/mp4", received=ACT, deleted=None,
        picture=None, offset_us=None, derived=False,
    )  # fmt: skip
    proof = CaseEvidence(
        violation=id, path=PATH, rule=data.rule, act_time=ACT, files={"clip": file}, fault=fault,
        manifest=None,
    )  # fmt: skip
    return Exhibit(envelope, PATH, data, proof, fault, None, *law_of(data))


def decision(**changes: Any) -> DecisionRow:
    values: dict[str, Any] = {
        "id": ID, "round": 1, "stage": "first", "person": ID, "login": "lan", "name": "Lê Thị Lan",
        "unit": "Đội 1", "verdict": "confirm", "reason": None, "note": "", "plate": "95B1-123.45",
        "decided": ACT, **changes,
    }  # fmt: skip
    return DecisionRow(**values)


def contents(**changes: Any) -> Contents:
    case = CaseRow(
        id=ID, number=12, city="vithanh", site="tran-hung-dao", device="cam-1", bootid=ID, track=7,
        vehicle="motorcycle", rules=["red_light"], act_first=ACT, act_last=ACT,
        plate_read="95B1-123.45", plate_colour="white", plate_fixed=None, deadline=ACT,
        state="confirmed", round=1, locked_by=None, locked_until=None, created=ACT, decided=ACT,
        hold=None, expunged=None,
    )  # fmt: skip
    person = Person(
        id=ID, login="lan", name="Lê Thị Lan", unit="Đội 1", role="auditor", password_hash=None,
        must_change=False, oidc_subject=None, totp_secret=None, totp_step=0, failures=0,
        locked_until=None, disabled=False, language="vi", theme="auto", created=ACT,
    )  # fmt: skip
    junction = Junction(
        name_vi="Ngã tư Trần Hưng Đạo", name_en="Crossing", city_name_vi="Vị Thanh",
        city_name_en="Vi Thanh", ward=None, latitude=9.78, longitude=105.47,
    )  # fmt: skip
    values: dict[str, Any] = {
        "id": ID, "made": ACT, "why": "x", "person": person, "case": case, "junction": junction,
        "exhibits": (exhibit(violation()),), "decisions": (decision(),), "notes": (), "keys": (),
        "head": START, "root": None, **changes,
    }  # fmt: skip
    return Contents(**values)


def pages(data: bytes) -> int:
    return data.count(b"/Type /Page\n")


LONG = "Đường Nguyễn Công Trứ nối dài đoạn qua cầu Xà No " * 4
UNBROKEN = "Ngườiđiềukhiển" * 14


def worst() -> Contents:
    """As long as every bound allows."""
    case = replace(
        contents().case, plate_read="W" * 16, plate_fixed="M" * 16, state="disputed", decided=None,
        act_last=ACT + timedelta(days=1), device="c" * 63,
    )  # fmt: skip
    junction = Junction(
        name_vi=LONG, name_en="x", city_name_vi=UNBROKEN, city_name_en="x", ward=None,
        latitude=-89.999999, longitude=-179.99999,
    )  # fmt: skip
    speeding = violation(rule="speeding", vehicle="car", speed_kmh=187.25, limit_kmh=50.0,
                         calibration=UNBROKEN[:200])  # fmt: skip
    return contents(
        case=case,
        junction=junction,
        person=replace(contents().person, name=UNBROKEN[:120]),
        exhibits=tuple(exhibit(speeding, n, "other_device") for n in range(12)),
        decisions=tuple(
            decision(name=UNBROKEN[:120], unit=LONG[:200], verdict="reject",
                     reason="pushed_by_ambulance")
            for _ in range(9)
        ),
    )  # fmt: skip


def test_a_usual_case_is_one_page() -> None:
    stills = [Still("Lúc vi phạm", picture()), Still("Sau", picture())]
    data = record(contents(), stills, Still("Biển số", picture(90, 40, "PNG")), ConsoleSettings())
    assert data.startswith(b"%PDF-")
    assert pages(data) == 1


def test_the_worst_case_is_one_page() -> None:
    settings = ConsoleSettings(detecting_unit=LONG[:200], handling_unit=UNBROKEN[:200],
                               phone="0" * 40)  # fmt: skip
    stills = [Still("x" * 200, picture(4000, 20)), Still("y", picture(20, 4000))]
    data = record(worst(), stills, Still("z", picture(900, 900, "PNG")), settings)
    assert pages(data) == 1


def test_type_gets_smaller_only_where_it_must() -> None:
    usual = page._fitting(contents(), ConsoleSettings(), [])
    assert (usual._scale, usual.height() < page.HEIGHT) == (1, True)
    small = page._fitting(worst(), ConsoleSettings(), [])
    assert small._scale < 1
    assert small.height() <= page.HEIGHT


def test_the_same_case_gives_the_same_page() -> None:
    assert record(contents(), [], None, ConsoleSettings()) == record(
        contents(), [], None, ConsoleSettings()
    )


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=120), st.text(min_size=1, max_size=120), st.text(max_size=16))
def test_no_name_breaks_the_page(unit: str, name: str, plate: str) -> None:
    case = replace(contents().case, plate_fixed=plate or None, device=name)
    told = contents(case=case, decisions=(decision(name=name, unit=unit),))
    assert pages(record(told, [], None, ConsoleSettings(detecting_unit=unit))) == 1


def test_a_corrected_plate_is_told_with_what_the_camera_read() -> None:
    told = contents(case=replace(contents().case, plate_fixed="95B1-128.45"))
    assert words._plate(told) == ("<b>95B1-128.45</b>; nền trắng (thiết bị đọc: 95B1-123.45)")
    assert words._plate(contents()) == "<b>95B1-123.45</b>; nền trắng"
    none = replace(contents().case, plate_read=None, plate_colour=None)
    assert words._plate(contents(case=none)) == "không đọc được; chưa rõ màu nền"


def test_acts_name_the_law_of_their_day() -> None:
    (act,) = words._acts(contents())
    assert "Điều 7, khoản 7, điểm c, 168/2024/NĐ-CP" in act
    assert "phạt tiền 4.000.000–6.000.000 đ; trừ 4 điểm GPLX" in act
    speed = exhibit(violation(rule="speeding", speed_kmh=62.34, limit_kmh=50.0, calibration="KĐ-9"))
    assert "đo được 62,3 km/h, cho phép 50 km/h (KĐ-9)" in words._act(speed)
    walker = exhibit(violation(vehicle="pedestrian"))
    assert walker.penalty is None
    assert walker.absence
    assert walker.absence in words._act(walker)
    two = contents(exhibits=(exhibit(violation()), exhibit(violation(rule="no_helmet"), 2)))
    shown = words._acts(two)
    assert [one[:3] for one in shown] == ["1) ", "2) ", "Cộn"]


def test_a_case_that_is_not_decided_says_so() -> None:
    told = words.decisions(contents(case=replace(contents().case, state="second", decided=None)))
    assert "chưa có quyết định" in told[0]
    assert "08:02:03 ngày 22/11/2026" in words.decisions(contents())[0]
    assert "không phải là quyết định xử phạt" in page.DISCLAIMER


def test_signatures_that_do_not_hold_are_told() -> None:
    (bad,) = words._signatures(contents(exhibits=(exhibit(violation(), fault="unknown_key"),)))
    assert bad.count("không xác nhận được") == 2
    (good,) = words._signatures(contents())
    assert good == "sự kiện: hợp lệ; bộ bằng chứng: hợp lệ"


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"GIF89a", picture()[:200], b"%PDF"])
def test_what_is_no_picture_is_left_out(data: bytes) -> None:
    assert shrunk(data) is None
    assert pages(record(contents(), [Still("x", data)], None, ConsoleSettings())) == 1


def test_a_picture_made_to_exhaust_us_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MOST_PIXELS", 100 * 100 - 1)
    assert shrunk(picture(100, 100)) is None
    assert shrunk(picture(99, 100)) is not None
