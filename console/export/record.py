"""The one-page record of a case, Vietnamese, as a PDF for the file of the police.

It tells what a camera has proposed and what people have said of it: it is no report of a
violation and no fine, and says so. The fields are those that Điều 24 of Thông tư 73/2024/TT-BCA
publishes. Whatever is too long is shrunk or named as left out; nothing runs off the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from PIL import Image as Picture
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_CENTER, TA_LEFT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Frame, Image, KeepInFrame, Paragraph, Spacer, Table, TableStyle

from console.export.contents import Contents
from console.export.words import decisions, digests, fields, local
from console.render import STATIC
from ioc.console_settings import ConsoleSettings

MOST_PIXELS: Final = 64_000_000
WIDE: Final = 1200
"""Pixels of a still on the page; the original lies beside it."""

_SIDE, _TOP, _FOOT = 16 * mm, 12 * mm, 21 * mm
_WIDTH: Final = A4[0] - 2 * _SIDE
HEIGHT: Final = A4[1] - _TOP - _FOOT
"""Points between the margins."""

_SCALES: Final = (1, 0.92, 0.85, 0.78, 0.72, 0.66, 0.6)
_INK, _GREY, _LINE = HexColor("#14202b"), HexColor("#51606e"), HexColor("#b8c2cb")
_NORMAL, _BOLD = "BeVietnamPro", "BeVietnamPro-Bold"

TITLE: Final = "BẢN GHI NHẬN HÀNH VI CÓ DẤU HIỆU VI PHẠM"
DISCLAIMER: Final = (
    "Hệ thống giám sát đề xuất để cơ quan Công an xem xét. Đây không phải là biên bản vi phạm hành "
    "chính và không phải là quyết định xử phạt."
)


@dataclass(frozen=True, slots=True)
class Still:
    """A picture on the page.

    Attributes:
        caption: Below it.
        data: JPEG or PNG as it was received.
    """

    caption: str
    data: bytes


def record(
    contents: Contents, stills: Sequence[Still], plate: Still | None, settings: ConsoleSettings
) -> bytes:
    """The page.

    Args:
        contents: The case.
        stills: At most two pictures.
        plate: The plate.
        settings: Units and phone.
    """
    _fonts()
    out = BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=True, lang="vi")
    canvas.setTitle(f"Hồ sơ số {contents.case.number}")
    canvas.setAuthor(settings.detecting_unit)
    canvas.setSubject(TITLE)
    pictures = [_Picture(one.caption, shrunk(one.data), 0.39, 52 * mm) for one in stills[:2]]
    if plate is not None:
        pictures.append(_Picture(plate.caption, shrunk(plate.data), 0.2, 30 * mm))
    layout = _fitting(contents, settings, pictures)
    # What does not fit at the smallest type is shrunk as a picture: nothing is lost.
    parts = KeepInFrame(_WIDTH, HEIGHT, layout.parts(), mode="shrink", hAlign="LEFT")
    frame = Frame(
        _SIDE, _FOOT, _WIDTH, HEIGHT,
        leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0,
    )  # fmt: skip
    frame.addFromList([parts], canvas)
    below = layout.foot()
    below.wrapOn(canvas, _WIDTH, _FOOT)
    below.drawOn(canvas, _SIDE, _FOOT - 4 * mm - below.height)
    canvas.setStrokeColor(_LINE)
    canvas.line(_SIDE, _FOOT - 2.5 * mm, A4[0] - _SIDE, _FOOT - 2.5 * mm)
    canvas.showPage()
    canvas.save()
    return out.getvalue()


@dataclass(frozen=True, slots=True)
class _Picture:
    """A picture of known size; ``share`` of the page's width, ``high`` points at most."""

    caption: str
    small: tuple[bytes, int, int] | None
    share: float
    high: float


class _Layout:
    """The page at one size of type."""

    def __init__(
        self,
        contents: Contents,
        settings: ConsoleSettings,
        pictures: Sequence[_Picture],
        scale: float,
    ) -> None:
        self._contents = contents
        self._settings = settings
        self._pictures = pictures
        self._scale = scale

    def height(self) -> float:
        """Points that everything takes below each other."""
        return float(sum(one.wrap(_WIDTH, 1e6)[1] for one in self.parts()))

    def parts(self) -> list[Any]:
        """Everything above the foot."""
        gap = Spacer(1, 2.5 * mm * self._scale)
        return [
            self._heading(),
            gap,
            Paragraph(TITLE, self._style(14, bold=True, centre=True)),
            Paragraph(DISCLAIMER, self._style(8.5, centre=True, grey=True)),
            gap,
            self._table(fields(self._contents, self._settings)),
            gap,
            *([self._row(), gap] if self._pictures else []),
            self._table([("Kết quả xét duyệt", "<br/>".join(decisions(self._contents)))]),
            gap,
            self._table([("SHA-256 bản gốc", "<br/>".join(digests(self._contents)))], 7.5),
        ]

    def foot(self) -> Paragraph:
        """Below everything: which export this is, and how it is verified."""
        one = self._contents
        text = (
            f"Hồ sơ số {one.case.number} · Bản xuất {one.id} · {escape(one.person.name)} lập lúc "
            f"{local(one.made)}. Bản ghi này nằm trong một tệp ZIP cùng bản gốc và chữ ký số; cách "
            "kiểm tra: HUONG_DAN.txt. Ảnh trên trang được thu nhỏ, bản gốc ở thư mục evidence."
        )
        return Paragraph(text, self._style(7 / self._scale, grey=True))

    def _heading(self) -> Table:
        settings, one = self._settings, self._contents
        handling, detecting = settings.handling_unit.upper(), settings.detecting_unit.upper()
        left = [
            Paragraph(escape(handling), self._style(8.5, centre=True)),
            Paragraph(escape(detecting), self._style(8.5, bold=True, centre=True)),
            Paragraph(f"Số: {one.case.number}", self._style(9, centre=True)),
        ]
        strong = self._style(9.5, bold=True, centre=True)
        right = [
            Paragraph("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", strong),
            Paragraph("<u>Độc lập – Tự do – Hạnh phúc</u>", strong),
            Paragraph(f"Lập lúc {local(one.made)}", self._style(8.5, centre=True)),
        ]
        style = TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), *_no_padding()])
        return Table([[left, right]], colWidths=[_WIDTH * 0.46, _WIDTH * 0.54], style=style)

    def _row(self) -> Table:
        return Table(
            [[self._picture(one) for one in self._pictures]],
            colWidths=[_WIDTH * one.share for one in self._pictures],
            hAlign="LEFT",
            style=TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), *_no_padding()]),
        )

    def _picture(self, one: _Picture) -> list[Any]:
        caption = Paragraph(escape(one.caption), self._style(7.5, grey=True))
        if one.small is None:
            return [Paragraph("(không đọc được ảnh)", self._style(8)), caption]
        data, wide, high = one.small
        scale = min((_WIDTH * one.share - 2 * mm) / wide, one.high * self._scale / high)
        image = Image(BytesIO(data), width=wide * scale, height=high * scale, hAlign="LEFT")
        return [image, caption]

    def _table(self, rows: Sequence[tuple[str, str]], size: float = 9) -> Table:
        label, value = self._style(9, grey=True), self._style(size)
        style = TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE),
                ("LINEABOVE", (0, 0), (-1, 0), 0.4, _LINE),
                ("TOPPADDING", (0, 0), (-1, -1), 2 * self._scale),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 3 * self._scale),
                ("LEFTPADDING", (0, 0), (-1, -1), 2),
                ("RIGHTPADDING", (0, 0), (-1, -1), 2),
            ]
        )
        cells = [[Paragraph(name, label), Paragraph(text, value)] for name, text in rows]
        return Table(cells, colWidths=[_WIDTH * 0.2, _WIDTH * 0.8], style=style)

    def _style(
        self, size: float, *, bold: bool = False, centre: bool = False, grey: bool = False
    ) -> ParagraphStyle:
        size *= self._scale
        return ParagraphStyle(
            "record",
            fontName=_BOLD if bold else _NORMAL,
            fontSize=size,
            leading=size * 1.32,
            alignment=TA_CENTER if centre else TA_LEFT,
            textColor=_GREY if grey else _INK,
            splitLongWords=True,
        )


def _fitting(
    contents: Contents, settings: ConsoleSettings, pictures: Sequence[_Picture]
) -> _Layout:
    """The page at the largest type at which it is one page, or at the smallest there is."""
    layouts = (_Layout(contents, settings, pictures, scale) for scale in _SCALES)
    layout = next(layouts)
    while layout.height() > HEIGHT and (smaller := next(layouts, None)) is not None:
        layout = smaller
    return layout


def shrunk(data: bytes) -> tuple[bytes, int, int] | None:
    """A picture small enough for the page, with its size; None when it is none.

    Whoever sent it may have made it to exhaust us: its header is asked before it is decoded.
    """
    try:
        with Picture.open(BytesIO(data), formats=("JPEG", "PNG")) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                return None
            picture.draft("RGB", (WIDE, WIDE))
            small = picture.convert("RGB")
            small.thumbnail((WIDE, WIDE))
            out = BytesIO()
            small.save(out, "JPEG", quality=88)
            return out.getvalue(), small.width, small.height
    except (OSError, ValueError, SyntaxError, Picture.DecompressionBombError):
        return None


def _no_padding() -> list[tuple[Any, ...]]:
    sides = ("LEFTPADDING", "RIGHTPADDING", "TOPPADDING", "BOTTOMPADDING")
    return [(side, (0, 0), (-1, -1), 0) for side in sides]


@cache
def _fonts() -> None:
    fonts = Path(STATIC) / "fonts"
    pdfmetrics.registerFont(TTFont(_NORMAL, fonts / "be-vietnam-pro-400.ttf"))
    pdfmetrics.registerFont(TTFont(_BOLD, fonts / "be-vietnam-pro-600.ttf"))
    pdfmetrics.registerFontFamily(
        _NORMAL, normal=_NORMAL, bold=_BOLD, italic=_NORMAL, boldItalic=_BOLD
    )
