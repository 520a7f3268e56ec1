"""What is known of each model: its contract, file, digest, licence, sources and figures."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ioc.errors import ConfigError, describe_validation
from models.contract import Contract, InputSize, Tensor

MANIFEST = Path(__file__).with_name("manifest.toml")

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^\w[\w.-]*\.onnx$")]


class Measured(BaseModel):
    """A figure that a command of this repository printed for a model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    figure: str = Field(min_length=1, description="What was measured.")
    value: float = Field(description="The number.")
    unit: str = Field(min_length=1, description="Its unit; 1 for a share.")
    command: str = Field(min_length=1, description="The command that printed it.")
    conditions: str = Field(min_length=1, description="On which data or machine.")


class Entry(BaseModel):
    """A model of the manifest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    contract: str = Field(description="Name of its contract.")
    file: FileName = Field(description="File name in the model folder.")
    sha256: Digest | None = Field(
        None, description="Digest of the file; without one, `ioc models pull` asks for it."
    )
    sha256_from: str | None = Field(None, description="Who states the digest.")
    size: int | None = Field(None, gt=0, description="Bytes of the file.")
    licence: str = Field(min_length=1, description="SPDX identifier of the weights' licence.")
    origin: str = Field(min_length=1, description="Where the weights come from.")
    sources: tuple[Annotated[str, Field(pattern=r"^https://[^\s@]+$")], ...] = Field(
        (), description="Addresses of the file, the best one first."
    )
    input: tuple[Annotated[int, Field(gt=0)], Annotated[int, Field(gt=0)]] | None = Field(
        None, description="Height and width to feed a graph with that leaves them open."
    )
    second_look: str | None = Field(
        None, description="Model that judges what this one marks, on crops of the whole picture."
    )
    plates: str | None = Field(
        None,
        description="Model that reads the plates which this one marks, in place of rapidocr's.",
    )
    measured: tuple[Measured, ...] = Field((), description="Figures of this repository's commands.")

    def inputs(self, contract: Contract, found: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """A graph's inputs, with what they leave open of the picture set to ``input``.

        Transformers' exports leave height and width open, though a model works at the size that it
        was trained with and hardly at others (RF-DETR-nano, 384: its makers' users report 48 mAP
        there and 14 at 512).
        """
        picture = contract.picture_of(found)
        if self.input is None or picture is None or len(picture.shape) != 4:
            return found
        height, width = InputSize(*self.input)
        batch, *_ = picture.shape
        wanted = (
            (batch, 3, height, width) if contract.layout == "NCHW" else (batch, height, width, 3)
        )
        shape = tuple(
            side if isinstance(side, int) else fixed
            for side, fixed in zip(picture.shape, wanted, strict=True)
        )
        return tuple(each._replace(shape=shape) if each == picture else each for each in found)


class Manifest(BaseModel):
    """All contracts and models that are known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    contracts: dict[str, Contract]
    models: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")], Entry] = {}

    @model_validator(mode="after")
    def _check(self) -> Manifest:
        files: dict[str, str] = {}
        for name, entry in self.models.items():
            if entry.contract not in self.contracts:
                known = ", ".join(self.contracts)
                raise ValueError(f"model {name}: no contract {entry.contract!r}; known are {known}")
            if other := files.get(entry.file):
                raise ValueError(f"models {other} and {name} have the same file {entry.file}")
            files[entry.file] = name
            self._check_helper(name, entry.second_look, "judge")
            self._check_helper(name, entry.plates, "read")
        return self

    def _check_helper(self, name: str, helper: str | None, task: str) -> None:
        if helper is None:
            return
        known = self.models.get(helper)
        contract = None if known is None else self.contracts.get(known.contract)
        if contract is None or contract.task != task:
            raise ValueError(f"model {name}: {helper!r} is no model with the task {task}")

    def entry(self, name: str) -> Entry:
        """The entry of a name.

        Raises:
            ConfigError: There is none.
        """
        if (found := self.models.get(name)) is None:
            known = ", ".join(self.models) or "none"
            raise ConfigError(f"{name}: no model of that name; known are {known}")
        return found


def load_manifest(path: Path = MANIFEST) -> Manifest:
    """Read a manifest.

    Raises:
        ConfigError: It cannot be read or breaks the schema.
    """
    try:
        return Manifest.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; the manifest of models is missing") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    except ValidationError as error:
        raise ConfigError(describe_validation(str(path), error, Manifest)) from None
