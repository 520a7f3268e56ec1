"""Proves that model files are what the manifest says: digest, shapes, a run that gives numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from ioc.errors import ConfigError
from models.lock import LOCK_FILE, taken_digest
from models.manifest import Manifest
from models.registry import Model, fitted, present, sha256_of

State = Literal["ready", "missing", "altered", "unproven", "misfit"]

FAULTS: frozenset[State] = frozenset({"altered", "unproven", "misfit"})
"""States in which a file is there and must not be relied on."""


@dataclass(frozen=True, slots=True)
class Check:
    """What is true of one file.

    Attributes:
        name: The model's name.
        state: ``altered``: another digest; ``unproven``: no digest to hold it against; ``misfit``:
            it does not load, or not with the contract's shapes, or runs to no numbers.
        path: The file; None when it is missing.
        sha256: Its digest.
        detail: What is wrong and how to mend it, in one line; empty when ready.
    """

    name: str
    state: State
    path: Path | None = None
    sha256: str | None = None
    detail: str = ""


def check(name: str, manifest: Manifest, folders: Sequence[Path]) -> list[Check]:
    """Check each file of a model that is there; one ``missing`` when none is.

    Args:
        name: Its name.
        manifest: The known models.
        folders: Where files are looked for.

    Raises:
        ConfigError: There is no such model, or a lock file cannot be read.
    """
    entry = manifest.entry(name)
    paths = present(entry, folders)
    if not paths:
        mend = f"ioc models pull {name}" if entry.sources else f"copy {entry.file} to {folders[0]}"
        return [Check(name, "missing", detail=mend)]
    return [_check(name, path, manifest) for path in paths]


def _check(name: str, path: Path, manifest: Manifest) -> Check:
    entry = manifest.entry(name)
    try:
        digest = sha256_of(path)
    except ConfigError as error:
        return Check(name, "misfit", path, None, str(error))
    expected = entry.sha256 or taken_digest(path.parent, name)
    if expected is None:
        detail = f"no digest is known: ioc models pull {name} with --sha256 or --trust-first"
        return Check(name, "unproven", path, digest, detail)
    if digest != expected:
        where = "manifest" if entry.sha256 else LOCK_FILE
        detail = f"SHA-256 {digest}, the {where} says {expected}: ioc models pull {name}"
        return Check(name, "altered", path, digest, detail)
    try:
        faults = trial(fitted(path, name, manifest))
    except ConfigError as error:
        faults = [str(error)]
    if faults:
        return Check(name, "misfit", path, digest, "; ".join(faults))
    return Check(name, "ready", path, digest)


def grey_feed(model: Model) -> dict[str, NDArray[Any]]:
    """A grey picture, and its size where the graph asks for one: what a run is tried with."""
    picture = model.contract.picture_of(model.inputs)
    assert picture is not None  # a Model fits its contract
    kind = np.float32 if model.contract.dtype == "float32" else np.uint8
    height, width = model.size
    batch = model.batch or 1
    planar = model.contract.layout == "NCHW"
    shape = (batch, 3, height, width) if planar else (batch, height, width, 3)
    grey = model.contract.padding * model.contract.scale
    feed: dict[str, NDArray[Any]] = {picture.name: np.full(shape, grey, kind)}
    if model.contract.size_input is not None:
        feed[model.contract.size_input] = np.tile(np.array([width, height]), (batch, 1))
    return feed


def trial(model: Model) -> list[str]:
    """What is wrong with the outputs of one run on a grey picture; empty when nothing is."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    names = list(model.contract.outputs) or [model.outputs[0].name]
    try:
        session = ort.InferenceSession(str(model.path), options, ["CPUExecutionProvider"])
        found = dict(zip(names, session.run(names, grey_feed(model)), strict=True))
    except Exception as error:  # onnxruntime raises its own classes, all straight from Exception
        return [f"does not run: {' '.join(str(error).split())[:200]}"]
    faults = [
        f"output {name} has values that are no numbers"
        for name, values in found.items()
        if not np.isfinite(np.asarray(values, np.float64)).all()
    ]
    columns = model.contract.class_count
    if model.contract.decoding == "detr":
        labels = np.asarray(found[names[0]])
        if labels.size and (labels.min() < 0 or labels.max() >= columns):
            faults.append(f"labels reach {labels.max()}, the contract has {columns} classes")
    elif model.contract.decoding == "detr_logits" and np.shape(found[names[1]])[-1] != columns:
        faults.append(f"{np.shape(found[names[1]])[-1]} classes, the contract has {columns}")
    return faults
