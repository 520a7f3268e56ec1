"""What the law holds ready for an act, as values and as people read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ioc.events import Rule, VehicleClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """A range of fines and points of the driving licence.

    Attributes:
        fine_min: Least fine, VND.
        fine_max: Greatest fine, VND.
        points: Points taken from the licence, of 12.
    """

    fine_min: int
    fine_max: int
    points: int

    def fine_text(self, language: Literal["vi", "en"] = "vi") -> str:
        """The range such as ``4.000.000–6.000.000 đ``, or ``4,000,000–6,000,000 VND``."""
        ends = [self.fine_min] if self.fine_min == self.fine_max else [self.fine_min, self.fine_max]
        text = "–".join(f"{amount:,}" for amount in ends)
        return f"{text} VND" if language == "en" else f"{text.replace(',', '.')} đ"

    def points_text(self, language: Literal["vi", "en"] = "vi") -> str:
        """The points such as ``Trừ 4 điểm GPLX``, or ``4 licence points``."""
        if language == "en":
            return f"{self.points or 'No'} licence point{'' if self.points == 1 else 's'}"
        return f"Trừ {self.points} điểm GPLX" if self.points else "Không trừ điểm GPLX"


@dataclass(frozen=True, slots=True, kw_only=True)
class Penalty(Amounts):
    """What one act may cost: a proposal, for the police name the act and set the fine.

    Attributes:
        rule: Which rule was broken.
        vehicle: With what.
        article: Where the act and its fine stand, such as ``Điều 6, khoản 9, điểm b``.
        law: Number of the document that the article is in, such as ``168/2024/NĐ-CP``.
        amended_by: Numbers of the documents in force that day which changed the article, the
            oldest first.
        points_article: Where the points stand; None without points.
        title_vi: The act in the words of the law.
        title_en: The same in English.
        source: Where the figures come from.
        note: What the reviewer has to know of the choice of this article, Vietnamese; may be empty.
    """

    rule: Rule
    vehicle: VehicleClass
    article: str
    law: str
    amended_by: tuple[str, ...] = ()
    points_article: str | None = None
    title_vi: str
    title_en: str
    source: str
    note: str = ""

    @property
    def citation(self) -> str:
        """Article, document and its amendments in one line, Vietnamese."""
        amended = f" (sửa đổi, bổ sung bởi {', '.join(self.amended_by)})" if self.amended_by else ""
        return f"{self.article}, {self.law}{amended}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Combined(Amounts):
    """Several acts that are punished at once: fines add up, points are those of the worst."""
