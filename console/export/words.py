"""The words of the one-page record, marked up for the page. Pure."""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import Final

from console.cases import DECIDED
from console.export.contents import Contents, Exhibit
from console.texts import say
from ioc.clock import VIETNAM
from ioc.console_settings import ConsoleSettings
from ioc.law import catalogue
from store.cases import DecisionRow

MOST_ACTS: Final = 5
MOST_DECISIONS: Final = 5
MOST_DIGESTS: Final = 8
_ORDER: Final = {"manifest": 0, "clip": 1, "at": 2, "after": 3, "before": 4, "plate": 5}


def local(at: datetime, *, fraction: bool = False) -> str:
    """An instant as people in Vietnam read it."""
    told = at.astimezone(VIETNAM)
    text = told.strftime("%H:%M:%S")
    if fraction:
        text += f",{told.microsecond // 1000:03}"
    return f"{text} ngày {told:%d/%m/%Y}"


def fields(contents: Contents, settings: ConsoleSettings) -> list[tuple[str, str]]:
    """Labels and marked-up values of the upper table."""
    return [
        ("Loại phương tiện", escape(say("vi", f"vehicle_{contents.case.vehicle}"))),
        ("Biển số; màu biển", _plate(contents)),
        ("Thời gian", _time(contents)),
        ("Địa điểm", _place(contents)),
        ("Hành vi", "<br/>".join(_acts(contents))),
        ("Đơn vị phát hiện", escape(settings.detecting_unit)),
        ("Đơn vị xử lý", escape(settings.handling_unit)),
        ("Điện thoại liên hệ", escape(settings.phone) or "—"),
        ("Chữ ký số thiết bị", "<br/>".join(_signatures(contents))),
    ]


def _plate(contents: Contents) -> str:
    case = contents.case
    colour = escape(say("vi", f"colour_{case.plate_colour or 'unknown'}"))
    if not case.plate:
        return f"không đọc được; {colour}"
    text = f"<b>{escape(case.plate)}</b>; {colour}"
    if case.plate_fixed and case.plate_fixed != case.plate_read:
        text += f" (thiết bị đọc: {escape(case.plate_read or 'không đọc được')})"
    return text


def _time(contents: Contents) -> str:
    case = contents.case
    text = local(case.act_first, fraction=True)
    if case.act_last != case.act_first:
        text += f" đến {local(case.act_last, fraction=True)}"
    return f"{text} (giờ Việt Nam)"


def _place(contents: Contents) -> str:
    case, junction = contents.case, contents.junction
    camera = f"camera {case.device}"
    if junction is None:
        return escape(f"{case.city}/{case.site}; {camera}")
    text = f"{junction.name_vi}, {junction.city_name_vi}"
    where = f"{junction.latitude:.5f}, {junction.longitude:.5f}"
    return f"{escape(text)} <font color='#51606e'>({where}; {escape(camera)})</font>"


def _acts(contents: Contents) -> list[str]:
    shown = []
    for number, one in enumerate(contents.exhibits[:MOST_ACTS], 1):
        head = f"{number}) " if len(contents.exhibits) > 1 else ""
        shown.append(head + _act(one))
    more = len(contents.exhibits) - MOST_ACTS
    if more > 0:
        shown.append(f"… và {more} hành vi khác, xem manifest.json")
    penalties = [one.penalty for one in contents.exhibits if one.penalty is not None]
    if len(penalties) > 1:
        together = catalogue().combined(penalties)
        shown.append(f"Cộng: phạt tiền {together.fine_text()}; {together.points_text()}.")
    return shown


def _act(one: Exhibit) -> str:
    if one.data is None:
        return "dữ liệu sự kiện đã bị thay đổi, không hiển thị"
    data, penalty = one.data, one.penalty
    rule = say("vi", f"rule_{data.rule}")
    text = f"<b>{escape(penalty.title_vi if penalty else rule)}</b>"
    if data.speed_kmh is not None and data.rule == "speeding":
        limit = "" if data.limit_kmh is None else f", cho phép {_number(data.limit_kmh)} km/h"
        certificate = data.calibration or "không có số hiệu kiểm định"
        text += f" – đo được {_number(data.speed_kmh)} km/h{limit} ({escape(certificate)})"
    if penalty is not None:
        text += (
            f". {escape(penalty.citation)}: phạt tiền {escape(penalty.fine_text())}; "
            f"{escape(penalty.points_text().lower().replace('gplx', 'GPLX'))}."
        )
    else:
        text += f". {escape(one.absence or 'Danh mục luật không có mức phạt cho hành vi này.')}"
    return text


def _signatures(contents: Contents) -> list[str]:
    shown = []
    for number, one in enumerate(contents.exhibits[:MOST_ACTS], 1):
        head = f"{number}) " if len(contents.exhibits) > 1 else ""
        shown.append(head + "; ".join((_trusted("sự kiện", one.fault),
                                       _trusted("bộ bằng chứng", one.proof.fault))))  # fmt: skip
    return shown


def _trusted(what: str, fault: str | None) -> str:
    if fault is None:
        return f"{what}: hợp lệ"
    return f"{what}: <b>không xác nhận được</b> ({escape(say('vi', f'fault_{fault}'))})"


def decisions(contents: Contents) -> list[str]:
    """How the case stands, and who said what."""
    case = contents.case
    state = f"<b>{escape(say('vi', f'state_{case.state}'))}</b>"
    if case.state not in DECIDED:
        state += " – chưa có quyết định"
    elif case.decided is not None:
        state += f" lúc {local(case.decided)}"
    shown = [state, *(_decision(one) for one in contents.decisions[-MOST_DECISIONS:])]
    more = len(contents.decisions) - MOST_DECISIONS
    if more > 0:
        shown.append(f"… và {more} ý kiến trước đó, xem manifest.json")
    return shown


def _decision(one: DecisionRow) -> str:
    reason = "" if one.reason is None else f" ({say('vi', f'reason_{one.reason}')})"
    unit = f", {one.unit}" if one.unit else ""
    who = f"{say('vi', f'stage_{one.stage}')}: {one.name}{unit}"
    what = f"{say('vi', f'verdict_{one.verdict}')}{reason}"
    return escape(f"{who} – {what}, {one.decided.astimezone(VIETNAM):%H:%M %d/%m/%Y}")


def digests(contents: Contents) -> list[str]:
    """The main files and their SHA-256."""
    there = [item for item in contents.items if item.missing is None]
    there.sort(key=lambda item: _ORDER.get(item.file.role, len(_ORDER)))
    shown = [
        f"{escape(say('vi', f'role_{item.file.role}'))}: "
        f"<font name='Courier'>{item.file.sha256}</font>"
        for item in there[:MOST_DIGESTS]
    ]
    if len(there) > MOST_DIGESTS:
        shown.append(f"… và {len(there) - MOST_DIGESTS} tệp khác, xem manifest.json")
    return shown or ["không có bản gốc nào trong bản xuất này, xem manifest.json"]


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0").replace(".", ",")
