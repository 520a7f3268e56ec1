"""The catalogue of indicators: what digital government is measured by, and what a year asks of it.

``ioc/indicators.toml`` holds them as data with their sources; the database gets a copy of it, which
the wall compares readings with.
"""

from __future__ import annotations

from functools import cache
from math import inf
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError, model_validator

from ioc.camera import Label, refuse_repeats
from ioc.errors import ConfigError, describe_validation
from ioc.toml_file import read_toml

FILE: Final = Path(__file__).with_suffix(".toml")
PREFIX: Final = "gov."
"""What the name of every such quantity begins with; no sensor measures one."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Indicator(_Table):
    """One indicator and its target."""

    quantity: str = Field(
        pattern=r"^gov\.[a-z][a-z0-9_]*$", max_length=64, description="As its readings name it."
    )
    name: Label
    unit: Literal["%", "1"] = Field(description="UCUM: a share from 0 to 100, or a count.")
    target: float = Field(ge=0, description="In its unit.")
    better: Literal["higher", "lower"] = Field(description="Which way is the good one.")
    year: Annotated[int, Strict(), Field(ge=2020, le=2100)] = Field(
        description="The year that the target is for."
    )
    source: str = Field(min_length=1, max_length=500, description="Who asks for it, and where.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.target > self.high:
            raise ValueError(f"target {self.target:g} is above {self.high:g} {self.unit}")
        return self

    @property
    def low(self) -> float:
        """The least value that can be true."""
        return 0.0

    @property
    def high(self) -> float:
        """The largest value that can be true; a count has none."""
        return 100.0 if self.unit == "%" else inf

    def reached(self, value: float) -> bool:
        """Whether a value is as good as the target asks."""
        return value >= self.target if self.better == "higher" else value <= self.target


class _File(_Table):
    indicator: tuple[Indicator, ...] = Field(min_length=1, max_length=64)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse_repeats("quantities", [one.quantity for one in self.indicator])
        return self


def load_indicators(path: Path = FILE) -> tuple[Indicator, ...]:
    """Read and check a file of indicators.

    Args:
        path: Left out, the file that comes with the system.

    Returns:
        The indicators in the order of the file, which is that of the wall.

    Raises:
        ConfigError: It cannot be read or breaks the schema; each fault is one line.
    """
    content = read_toml(path, "a file of indicators")
    try:
        return _File.model_validate(content).indicator
    except ValidationError as error:
        raise ConfigError(describe_validation(str(path), error, _File)) from None


@cache
def indicators() -> tuple[Indicator, ...]:
    """The indicators that come with the system, read once.

    Raises:
        ConfigError: Their file is wrong.
    """
    return load_indicators()


def indicator_of(quantity: str) -> Indicator | None:
    """The indicator of a quantity, None where it is none of ours."""
    return next((one for one in indicators() if one.quantity == quantity), None)
