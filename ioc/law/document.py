"""Law files: what one legal document says of the rules that cameras watch.

One TOML file a document. Unknown keys are refused; an error names the file, the key and the mend.
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError, model_validator

from ioc.camera import refuse_repeats
from ioc.errors import ConfigError, describe_validation
from ioc.events import Rule, VehicleClass
from ioc.toml_file import read_toml

Pair = tuple[Rule, VehicleClass]
Words = Annotated[str, Field(min_length=1, max_length=2000)]
Day = Annotated[date, Strict()]
Number = Annotated[str, Field(pattern=r"^\d+/\d{4}/[A-ZĐ0-9]+(-[A-ZĐ0-9]+)*$")]
Article = Annotated[
    str, Field(pattern=r"^Điều \d+[a-zđ]?(, khoản \d+[a-zđ]?(, điểm [a-zđ]\d?)?)?$")
]
Dong = Annotated[int, Strict(), Field(gt=0, multiple_of=1000)]
Excess = Annotated[float, Field(ge=0, le=400)]
Vehicles = Annotated[tuple[VehicleClass, ...], Field(min_length=1)]


class Table(BaseModel):
    """A table of a law file."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Band(Table):
    """A range of km/h over the limit; whether an end belongs to it is as the law writes it."""

    at_least: Excess | None = Field(None, description="«từ»: this much and more.")
    above: Excess | None = Field(None, description="«trên»: more than this.")
    at_most: Excess | None = Field(None, description="«đến»: this much and less.")
    below: Excess | None = Field(None, description="«đến dưới»: less than this; none: no end.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.at_least is None) == (self.above is None):
            raise ValueError("give either at_least or above")
        if self.at_most is not None and self.below is not None:
            raise ValueError("give only one of at_most and below, or none for no end")
        if self.low >= self.high:
            raise ValueError("the band ends before it begins")
        return self

    @property
    def low(self) -> float:
        """Its lower end, km/h."""
        return max(end for end in (self.at_least, self.above) if end is not None)

    @property
    def high(self) -> float:
        """Its upper end, km/h; infinite without one."""
        return min((end for end in (self.at_most, self.below) if end is not None), default=inf)

    def holds(self, over_kmh: float) -> bool:
        """Whether so many km/h over the limit lie in it."""
        return (over_kmh > self.low or over_kmh == self.at_least) and (
            over_kmh < self.high or over_kmh == self.at_most
        )


class Entry(Table):
    """One act, for the classes of vehicles that the law treats alike."""

    rule: Rule
    vehicles: Vehicles
    over_kmh: Band | None = Field(None, description="For speeding: the band.")
    article: Article = Field(description="Where it stands: «Điều 6, khoản 9, điểm b».")
    fine_min: Dong = Field(description="VND.")
    fine_max: Dong = Field(description="VND.")
    points: Annotated[int, Strict(), Field(ge=0, le=12)] = Field(description="Of 12.")
    points_article: Article | None = Field(None, description="Where the points stand.")
    title_vi: Words = Field(description="The act in the law's words.")
    title_en: Words = Field(description="The same in English.")
    source: Words | None = Field(None, description="Where the figures come from, if elsewhere.")
    note: Words | None = Field(None, description="What a reviewer has to know, Vietnamese.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse_repeats("vehicles", self.vehicles)
        if (self.rule == "speeding") != (self.over_kmh is not None):
            raise ValueError("over_kmh belongs to speeding, and to nothing else")
        if self.fine_min > self.fine_max:
            raise ValueError("fine_min is above fine_max")
        if (self.points > 0) != (self.points_article is not None):
            raise ValueError("points and points_article go together; no points, no article")
        return self


class Absence(Table):
    """A decision to name no penalty, so that a gap is never an oversight."""

    rules: tuple[Rule, ...] = Field(min_length=1)
    vehicles: Vehicles
    reason: Words = Field(description="Why, Vietnamese.")


class Touch(Table):
    """A place of the amended law that an amendment changes without changing our figures."""

    articles: tuple[Article, ...] = Field(min_length=1)
    by: Article = Field(description="Where the amendment says so.")
    change: Words = Field(description="What it changes, Vietnamese.")


class Law(Table):
    """One legal document."""

    number: Number
    title_vi: Words
    title_en: Words
    in_force_from: Day = Field(description="First day on which acts fall under it.")
    in_force_until: Day | None = Field(None, description="Last such day; none: until further.")
    amends: Number | None = Field(None, description="Number of the law that it amends.")
    source: Words = Field(description="Where the text was read.")
    class_notes: dict[VehicleClass, Words] = Field({}, description="Goes with every penalty.")
    penalties: tuple[Entry, ...] = ()
    none: tuple[Absence, ...] = ()
    touches: tuple[Touch, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.amends is None:
            if not self.penalties:
                raise ValueError("no penalties; only an amendment may have none: add amends")
            if self.touches:
                raise ValueError("touches are for an amendment; add amends, or remove them")
        elif self.in_force_until is not None:
            raise ValueError("an amendment ends with its law; remove in_force_until")
        if self.in_force_until is not None and self.in_force_until < self.in_force_from:
            raise ValueError("in_force_until comes before in_force_from")
        for pair in sorted(self.decided()):  # the same fault is told each time
            self._check_pair(pair)
        return self

    def _check_pair(self, pair: Pair) -> None:
        name = "/".join(pair)
        entries = self.entries(pair)
        absences = [
            each for each in self.none if pair[0] in each.rules and pair[1] in each.vehicles
        ]
        if len(absences) > 1 or (absences and entries):
            raise ValueError(f"{name}: decided twice; keep one of the penalties and none")
        bands = [entry.over_kmh for entry in entries if entry.over_kmh is not None]
        if not bands:
            if len(entries) > 1:
                raise ValueError(f"{name}: {len(entries)} penalties; keep one")
            return
        bands.sort(key=lambda band: (band.low, band.at_least is None))
        for one, two in pairwise(bands):
            meet = two.low == one.high
            if two.low < one.high or (meet and one.holds(one.high) and two.holds(two.low)):
                raise ValueError(f"{name}: bands overlap at {two.low:g} km/h; part them")
            if not (meet and (one.holds(one.high) or two.holds(two.low))):
                raise ValueError(f"{name}: no band at {one.high:g} km/h; close the gap")
        if bands[-1].high != inf:
            raise ValueError(f"{name}: no band above {bands[-1].high:g} km/h; leave the last open")

    def decided(self) -> set[Pair]:
        """Every rule and class that it says something of, if only that there is no penalty."""
        fined = {(entry.rule, each) for entry in self.penalties for each in entry.vehicles}
        none = {
            (r, each) for absence in self.none for r in absence.rules for each in absence.vehicles
        }
        return fined | none

    def entries(self, pair: Pair) -> tuple[Entry, ...]:
        """Its penalties for a rule and a class: one, or one for each band."""
        rule, vehicle = pair
        return tuple(e for e in self.penalties if e.rule == rule and vehicle in e.vehicles)

    def reason(self, pair: Pair) -> str | None:
        """Why it names no penalty for a rule and a class; None where it names one."""
        rule, vehicle = pair
        found = (a.reason for a in self.none if rule in a.rules and vehicle in a.vehicles)
        return next(found, None)

    def touched(self, article: str) -> bool:
        """Whether it changes that place of the law that it amends."""
        return any(article in touch.articles for touch in self.touches)


def load_law(path: Path) -> Law:
    """Read and check one law file.

    Raises:
        ConfigError: It cannot be read or breaks the schema; each fault is one line.
    """
    content = read_toml(path, "a law file")
    try:
        return Law.model_validate(content)
    except ValidationError as error:
        raise ConfigError(describe_validation(str(path), error, Law)) from None
