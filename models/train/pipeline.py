"""From a dataset to model files, report and card: what `ioc models train` does."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime as ort
import torch

from ioc.errors import ConfigError
from models.registry import sha256_of
from models.train.augment import example
from models.train.dataset import Dataset, read_dataset
from models.train.export import difference, quantise, runner, session_of
from models.train.metrics import WORKING_SCORE, mean_of
from models.train.report import write_report
from models.train.settings import Epoch, Progress, Settings
from models.train.trainer import CHECKPOINT, Trained, Trainer, as_input, contract_rows, judge

NAME: Final = "ioc-sim-v1"
FLOAT_FILE: Final = "ioc_sim_v1.onnx"
INT8_FILE: Final = "ioc_sim_v1_int8.onnx"

COMPARED: Final = 8
"""Pictures on which the exported graph is held against torch."""

FARTHEST: Final = 1e-3
"""An exported score that is farther from torch's means a wrong graph; sums in another order
differ by 1e-5."""

TURNS: Final = 30


def train(
    data: Path,
    out: Path,
    settings: Settings,
    resume: bool,
    device: str,
    tell: Callable[[Progress | Epoch | str], None],
) -> dict[str, Any]:
    """Train, export, judge and report.

    Args:
        data: Folder of the dataset.
        out: Folder of checkpoint, models, report and card; made when missing.
        settings: How it runs.
        resume: Go on from the checkpoint in ``out``.
        device: ``auto``, ``cpu`` or ``cuda``.
        tell: Is told what happens.

    Returns:
        The report, as ``report.json`` has it.

    Raises:
        ConfigError: The dataset, the folder, the checkpoint or the device will not do.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out {out}: {error.strerror}; give a folder to write to") from None
    if not resume and (out / CHECKPOINT).exists():
        raise ConfigError(
            f"--out {out}: holds a checkpoint; give --resume to go on, or another folder"
        )
    dataset = read_dataset(data)
    tell(
        f"{len(dataset.train)} pictures to learn from, {len(dataset.val)} to judge, "
        f"digest {dataset.digest[:12]}"
    )
    trainer = Trainer(dataset, out, settings, device)
    if resume:
        tell(f"{trainer.resume()} epochs are done")
    trained = trainer.run(tell)
    tell("exporting")
    files = _export(trained, dataset, out, settings)
    tell("judging both files")
    report = {
        "name": NAME,
        "classes": list(dataset.classes),
        "settings": settings.told(),
        "dataset": {
            "digest": dataset.digest,
            "train": len(dataset.train),
            "val": len(dataset.val),
            "seeds": list(dataset.seeds),
        },
        "training": {
            "seconds": trained.seconds,
            "device": trained.device,
            "parameters": sum(each.numel() for each in trained.network.parameters()),
            "history": [asdict(each) for each in trained.history],
        },
        "working_score": WORKING_SCORE,
        "files": {
            kind: _judged(out / name, dataset, settings) | files[kind]
            for kind, name in (("float32", FLOAT_FILE), ("int8", INT8_FILE))
        },
        "environment": environment(),
    }
    write_report(report, out)
    return report


def _export(
    trained: Trained, dataset: Dataset, out: Path, settings: Settings
) -> dict[str, dict[str, Any]]:
    """Write both files; gives how far each lies from torch."""
    path = out / FLOAT_FILE
    onnx.save(trained.network.emit(settings.size, NAME), str(path))
    averaged = _quantised(path, out / INT8_FILE, dataset, settings)
    pictures = np.stack(
        [example(sample, settings.size, None).picture for sample in dataset.val[:COMPARED]]
    )
    theirs = contract_rows(trained.network, as_input(pictures, torch.device("cpu")))
    found: dict[str, dict[str, Any]] = {
        kind: {"difference": difference(runner(session_of(out / name, 0))(pictures), theirs)}
        for kind, name in (("float32", FLOAT_FILE), ("int8", INT8_FILE))
    }
    found["int8"]["ranges"] = "mean of extremes" if averaged else "extremes"
    if not found["float32"]["difference"]["score"] <= FARTHEST:  # not a number is wrong, too
        raise RuntimeError(
            f"{path}: scores differ from torch's by {found['float32']['difference']['score']:.4f}"
        )
    return found


def _quantised(source: Path, target: Path, dataset: Dataset, settings: Settings) -> bool:
    """Write the int8 file with the ranges that suit it better; gives whether they are averaged.

    They are told apart on pictures that it learned from: those that judge must not choose.
    """
    found = []
    samples = dataset.train[:: max(1, len(dataset.train) // settings.judged)]
    for averaged in (False, True):
        path = target.with_suffix(f".{averaged:d}.part")
        quantise(source, path, dataset.train, settings.size, averaged)
        scores = judge(runner(session_of(path, cores())), samples, settings, dataset.classes)
        found.append((mean_of(scores, "ap"), averaged, path))
    found.sort(reverse=True)
    found[0][2].replace(target)
    found[1][2].unlink()
    return found[0][1]


def _judged(path: Path, dataset: Dataset, settings: Settings) -> dict[str, Any]:
    """Accuracy on all pictures that judge, size, digest and speed of a file."""
    session = session_of(path, cores())
    scores = judge(runner(session), dataset.val, settings, dataset.classes)
    picture = example(dataset.val[0], settings.size, None).picture[None]
    times = []
    for _ in range(TURNS):
        begun = time.perf_counter()
        session.run(None, {"picture": picture})
        times.append(time.perf_counter() - begun)
    return {
        "file": path.name,
        "bytes": path.stat().st_size,
        "sha256": sha256_of(path),
        "ap50": mean_of(scores, "ap50"),
        "ap": mean_of(scores, "ap"),
        "recall": mean_of(scores, "recall"),
        "overlap": mean_of(scores, "overlap"),
        "milliseconds": float(np.median(times)) * 1000,
        "classes": [asdict(score) for score in scores],
    }


def cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def environment() -> dict[str, Any]:
    """What the figures were measured with."""
    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "onnxruntime": ort.__version__,
        "onnx": onnx.__version__,
        "processor": _processor(),
        "cores": cores(),
        "system": platform.system(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()
