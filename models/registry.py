"""Finds a model by name or path, and proves that the file is what its contract says.

Whatever name it goes by, a model is known by the SHA-256 of its file: the digest goes into every
violation that it led to.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import onnxruntime as ort

from ioc.errors import ConfigError
from models.contract import Contract, InputSize, Tensor
from models.lock import LOCK_FILE, taken_digest
from models.manifest import MANIFEST, Entry
from models.manifest import Manifest as Manifest
from models.manifest import load_manifest as load_manifest

FOLDER_VARIABLE = "IOC_MODELS_DIR"
OWN_WEIGHTS = MANIFEST.with_name("weights")

OWN_DETECTOR = "ioc-sim-v1-int8"
"""Our own detector of the rendered junctions: as exact as its float32 twin and twice as fast."""


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
        second_look: Name of the model that judges what this one marks, if there is one.
        plates: Name of the model that reads the plates which this one marks, if there is one.
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
    second_look: str | None = None
    plates: str | None = None


def model_folder() -> Path:
    """Where `ioc models pull` puts files, and where they are looked for first.

    ``IOC_MODELS_DIR``, else ``haugiang-ioc/models`` in the user's data folder: the package's own
    folder may be read-only, and is replaced with each upgrade.
    """
    if configured := os.environ.get(FOLDER_VARIABLE):
        return Path(configured)
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "haugiang-ioc" / "models"


def model_folders() -> tuple[Path, ...]:
    """Where model files are looked for, in this order; our own trained weights lie in the last."""
    return (model_folder(), OWN_WEIGHTS)


def present(entry: Entry, folders: Sequence[Path]) -> list[Path]:
    """The files of a model that are there, in the order of the folders."""
    return [path for folder in folders if (path := folder / entry.file).is_file()]


def resolve(wanted: str, manifest: Manifest | None = None, folder: Path | None = None) -> Model:
    """The model of a name in the manifest, or of a path to an ONNX file.

    A file whose digest stands in the manifest goes by that name. Any other file gets the first
    contract that its graph's shapes fit.

    Args:
        wanted: A name such as ``yolox-nano-640``, or a path.
        manifest: The known models; the one of this package when left out.
        folder: Where files of named models lie; ``model_folders()`` when left out.

    Raises:
        ConfigError: There is no such model, the file is not the one the manifest describes, or
            its graph fits no contract. The message says which part does not fit.
    """
    manifest = manifest or load_manifest()
    entry = manifest.models.get(wanted)
    if entry is not None:
        return _named(wanted, entry, manifest, model_folders() if folder is None else (folder,))
    path = Path(wanted)
    if not path.is_file():
        known = ", ".join(manifest.models) or "none"
        raise ConfigError(f"--model {wanted}: neither a file nor a known model; known are {known}")
    digest = sha256_of(path)
    for name, known_entry in manifest.models.items():
        if known_entry.sha256 == digest:
            return _checked(name, path, digest, known_entry, manifest)
    return _recognised(path, digest, manifest)


def _named(name: str, entry: Entry, manifest: Manifest, folders: Sequence[Path]) -> Model:
    paths = present(entry, folders)
    if not paths:
        raise ConfigError(
            f"{folders[0] / entry.file}: no such file; put {entry.file} there (ioc models pull "
            f"{name}), set {FOLDER_VARIABLE} to its folder, or give --model its path"
        )
    faults = []
    for path in paths:
        expected = entry.sha256 or taken_digest(path.parent, name)
        digest = sha256_of(path)
        if digest == expected:
            return _checked(name, path, digest, entry, manifest)
        if expected is None:
            faults.append(
                f"{path}: no digest of {name} is known; ioc models pull {name} with --sha256 or "
                "--trust-first, or give --model its path"
            )
        else:
            where = "manifest" if entry.sha256 else LOCK_FILE
            faults.append(
                f"{path}: SHA-256 is {digest}, the {where} says {expected} for {name}; "
                f"copy the file again (ioc models pull {name})"
            )
    raise ConfigError(faults[0])


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


def _checked(name: str, path: Path, digest: str, entry: Entry, manifest: Manifest) -> Model:
    contract = manifest.contracts[entry.contract]
    inputs, outputs = graph_of(path)
    inputs = entry.inputs(contract, inputs)
    faults = contract.faults(inputs, outputs)
    size = contract.input_size(inputs)
    if faults or size is None:
        raise ConfigError(f"{path}: does not fit contract {entry.contract}: {'; '.join(faults)}")
    return Model(
        name,
        path,
        digest,
        contract,
        entry.contract,
        size,
        contract.batch_of(inputs),
        inputs,
        outputs,
        entry.second_look,
        entry.plates,
    )


def fitted(path: Path, name: str, manifest: Manifest) -> Model:
    """A file as the model of a name, whatever its digest.

    Raises:
        ConfigError: It is no ONNX file, or its graph does not fit the contract.
    """
    return _checked(name, path, sha256_of(path), manifest.entry(name), manifest)


def _recognised(path: Path, digest: str, manifest: Manifest) -> Model:
    inputs, outputs = graph_of(path)
    complaints = []
    for contract_name, contract in manifest.contracts.items():
        faults = contract.faults(inputs, outputs)
        size = contract.input_size(inputs)
        if not faults and size is not None:
            batch = contract.batch_of(inputs)
            name = path.stem[:200]
            return Model(name, path, digest, contract, contract_name, size, batch, inputs, outputs)
        complaints.append(f"{contract_name}: {'; '.join(faults)}")
    raise ConfigError(f"{path}: fits no known contract ({' | '.join(complaints)})")


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
