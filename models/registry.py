"""Finds a model by name or path, and proves that the file is what its contract says.

Whatever name it goes by, a model is known by the SHA-256 of its file: the digest goes into every
violation that it led to.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import onnxruntime as ort
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ioc.errors import ConfigError, describe_validation
from models.contract import Contract, InputSize, Tensor

FOLDER_VARIABLE = "IOC_MODELS_DIR"
MANIFEST = Path(__file__).with_name("manifest.toml")


class Entry(BaseModel):
    """A model of the manifest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    contract: str = Field(description="Name of its contract.")
    file: str = Field(pattern=r"^[\w.-]+\.onnx$", description="File name in the model folder.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="Digest of the file.")
    licence: str = Field(min_length=1, description="SPDX identifier of the weights' licence.")
    origin: str = Field(min_length=1, description="Where the weights come from.")


class Manifest(BaseModel):
    """All contracts and models that are known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    contracts: dict[str, Contract]
    models: dict[str, Entry] = {}

    @model_validator(mode="after")
    def _check_contracts(self) -> Manifest:
        for name, entry in self.models.items():
            if entry.contract not in self.contracts:
                known = ", ".join(self.contracts)
                raise ValueError(f"model {name}: no contract {entry.contract!r}; known are {known}")
        return self


@dataclass(frozen=True, slots=True)
class Model:
    """A model file that was found and checked.

    Attributes:
        name: Its name in the manifest, else that of its file.
        path: The file.
        sha256: The file's digest.
        contract: How it is fed and read.
        contract_name: The contract's name in the manifest.
        size: Height and width of its input, pixels.
        batch: Pictures that it takes at once; None when any number.
        inputs: The graph's inputs.
        outputs: The graph's outputs.
    """

    name: str
    path: Path
    sha256: str
    contract: Contract
    contract_name: str
    size: InputSize
    batch: int | None
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


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


def model_folder() -> Path:
    """Where model files lie: ``IOC_MODELS_DIR``, else ``weights`` beside the manifest."""
    configured = os.environ.get(FOLDER_VARIABLE)
    return Path(configured) if configured else MANIFEST.with_name("weights")


def resolve(wanted: str, manifest: Manifest | None = None, folder: Path | None = None) -> Model:
    """The model of a name in the manifest, or of a path to an ONNX file.

    A file whose digest stands in the manifest goes by that name. Any other file gets the first
    contract that its graph's shapes fit.

    Args:
        wanted: A name such as ``yolox-nano-640``, or a path.
        manifest: The known models; the one of this package when left out.
        folder: Where files of named models lie; ``model_folder()`` when left out.

    Raises:
        ConfigError: There is no such model, the file is not the one the manifest describes, or
            its graph fits no contract. The message says which part does not fit.
    """
    manifest = manifest or load_manifest()
    entry = manifest.models.get(wanted)
    if entry is not None:
        path = (folder or model_folder()) / entry.file
        if not path.is_file():
            raise ConfigError(
                f"{path}: no such file; put {entry.file} there, set {FOLDER_VARIABLE} to its "
                "folder, or give --model its path"
            )
        digest = sha256_of(path)
        if digest != entry.sha256:
            raise ConfigError(
                f"{path}: SHA-256 is {digest}, the manifest says {entry.sha256} for {wanted}; "
                "copy the file again"
            )
        return _checked(wanted, path, digest, entry.contract, manifest)
    path = Path(wanted)
    if not path.is_file():
        known = ", ".join(manifest.models) or "none"
        raise ConfigError(f"--model {wanted}: neither a file nor a known model; known are {known}")
    digest = sha256_of(path)
    for name, known_entry in manifest.models.items():
        if known_entry.sha256 == digest:
            return _checked(name, path, digest, known_entry.contract, manifest)
    return _recognised(path, digest, manifest)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file in lower-case hexadecimal.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; check the model file") from None


def _checked(name: str, path: Path, digest: str, contract_name: str, manifest: Manifest) -> Model:
    contract = manifest.contracts[contract_name]
    inputs, outputs = graph_of(path)
    faults = contract.faults(inputs, outputs)
    size = contract.input_size(inputs)
    if faults or size is None:
        raise ConfigError(f"{path}: does not fit contract {contract_name}: {'; '.join(faults)}")
    return _model(name, path, digest, contract, contract_name, size)


def _recognised(path: Path, digest: str, manifest: Manifest) -> Model:
    inputs, outputs = graph_of(path)
    complaints = []
    for contract_name, contract in manifest.contracts.items():
        faults = contract.faults(inputs, outputs)
        size = contract.input_size(inputs)
        if not faults and size is not None:
            return _model(path.stem[:200], path, digest, contract, contract_name, size)
        complaints.append(f"{contract_name}: {'; '.join(faults)}")
    raise ConfigError(f"{path}: fits no known contract ({' | '.join(complaints)})")


def _model(
    name: str, path: Path, digest: str, contract: Contract, contract_name: str, size: InputSize
) -> Model:
    inputs, outputs = graph_of(path)
    batch = contract.batch_of(inputs)
    return Model(name, path, digest, contract, contract_name, size, batch, inputs, outputs)


@lru_cache(maxsize=8)
def _graph_of(path: Path, _stamp: tuple[int, int]) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4  # its complaint is told once, by our own error
    try:
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises its own classes, all straight from Exception
        first = str(error).strip().splitlines()[0][:200]
        raise ConfigError(f"{path}: not a usable ONNX file: {first}") from None
    return _tensors(session.get_inputs()), _tensors(session.get_outputs())


def graph_of(path: Path) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Inputs and outputs of an ONNX file.

    Raises:
        ConfigError: It is not an ONNX file that this onnxruntime can load.
    """
    stat = path.stat()
    return _graph_of(path.resolve(), (stat.st_mtime_ns, stat.st_size))


def _tensors(nodes: list[ort.NodeArg]) -> tuple[Tensor, ...]:
    return tuple(Tensor(node.name, tuple(node.shape), node.type) for node in nodes)
