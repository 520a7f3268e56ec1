"""The training: steps, averaged weights, checkpoints."""

from __future__ import annotations

import copy
import math
import os
import pickle
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from ioc.errors import ConfigError
from models.train.assign import Cells, Targets
from models.train.augment import example
from models.train.dataset import Dataset, FloatArray, Sample
from models.train.feed import Batch, Pictures, batches
from models.train.loss import loss_of
from models.train.metrics import ClassScore, mean_of, read_rows, score_classes
from models.train.network import LEAST, STRIDES, Network
from models.train.settings import Epoch, Progress, Settings

CHECKPOINT: Final = "last.pt"

SMOOTH: Final = 0.999
"""Share of the averaged weights that a step leaves; 1000 steps are a third of a short training."""

EVERY: Final = 10.0
"""Seconds between two lines of progress."""

LONGEST: Final = 10.0
"""Longest gradient; one picture full of hidden vehicles throws the weights far off otherwise."""

Tell = Callable[[Progress | Epoch], None]


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training gives.

    Attributes:
        network: With the averaged weights, on the CPU.
        history: Every epoch.
        seconds: Of all epochs.
        device: What it ran on, in words.
    """

    network: Network
    history: tuple[Epoch, ...]
    seconds: float
    device: str


class Average:
    """Running average of a network's weights (Polyak), which judges better than the last step."""

    def __init__(self, network: Network) -> None:
        self.network = copy.deepcopy(network).eval()
        for weight in self.network.parameters():
            weight.requires_grad_(False)
        self.steps = 0

    def update(self, network: Network) -> None:
        """Take in the weights of a step."""
        self.steps += 1
        # The first weights are random; they must be forgotten fast.
        kept = SMOOTH * (1 - math.exp(-self.steps / 300))
        with torch.no_grad():
            theirs = network.state_dict()
            for name, mine in self.network.state_dict().items():
                if mine.dtype.is_floating_point:
                    mine.lerp_(theirs[name], 1 - kept)
                else:
                    mine.copy_(theirs[name])


class Trainer:
    """One training, from the start or from a checkpoint."""

    def __init__(self, dataset: Dataset, out: Path, settings: Settings, device: str) -> None:
        """Make the network.

        Args:
            dataset: What is learned from.
            out: Folder of the checkpoint; it is there.
            settings: How it runs.
            device: ``auto``, ``cpu`` or ``cuda``.

        Raises:
            ConfigError: There is no such device.
        """
        self._dataset, self._out, self._settings = dataset, out, settings
        self.device = device_of(device)
        self._half = self.device.type == "cuda" or native_bfloat16()
        torch.manual_seed(settings.seed)
        network = Network(len(dataset.classes), settings.width)
        self._network = network.to(self.device, memory_format=torch.channels_last)
        self._average = Average(self._network)
        self._optimiser = torch.optim.AdamW(groups(self._network, settings.decay), settings.rate)
        self._cells = Cells.of(settings.size, self.device)
        self._pictures = Pictures(memory_for_pictures())
        self._history: list[Epoch] = []
        self._steps = len(dataset.train) // min(settings.batch, len(dataset.train))

    def resume(self) -> int:
        """Take up the checkpoint; gives how many epochs are done.

        Raises:
            ConfigError: There is none, or it is of another dataset or other settings.
        """
        path = self._out / CHECKPOINT
        try:
            if path.is_file() and not zipfile.is_zipfile(path):  # torch would fail in many ways
                raise EOFError("not whole")
            state = torch.load(path, map_location=self.device, weights_only=True)
        except FileNotFoundError:
            raise ConfigError(f"{path}: no checkpoint; leave --resume out") from None
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            line = str(error).strip().splitlines()[0][:200] if str(error) else type(error).__name__
            raise ConfigError(f"{path}: no usable checkpoint: {line}; start without it") from None
        for what, mine in self._identity().items():
            if state.get(what) != mine:
                raise ConfigError(
                    f"{path}: was made with {what} {state.get(what)}, this training has {mine}; "
                    "give the same --data, --epochs and --seed, or start anew in another --out"
                )
        self._network.load_state_dict(state["network"])
        self._average.network.load_state_dict(state["average"])
        self._average.steps = state["steps"]
        self._optimiser.load_state_dict(state["optimiser"])
        self._history = [Epoch(**each) for each in state["history"]]
        return len(self._history)

    def run(self, tell: Tell) -> Trained:
        """Train to the end.

        Args:
            tell: Is told about every ten seconds, and after each epoch.
        """
        for epoch in range(len(self._history), self._settings.epochs):
            begun = time.perf_counter()
            loss, box, score = self._epoch(epoch, tell)
            judged = self._dataset.val[: self._settings.judged]
            scores = judge(self._rows, judged, self._settings, self._dataset.classes)
            seconds = time.perf_counter() - begun
            ap50, ap = mean_of(scores, "ap50"), mean_of(scores, "ap")
            self._history.append(Epoch(epoch + 1, loss, box, score, ap50, ap, seconds))
            self._save()
            tell(self._history[-1])
        network = self._average.network.to("cpu").eval()
        total = sum(each.seconds for each in self._history)
        return Trained(network, tuple(self._history), total, self._device_name())

    def _epoch(self, epoch: int, tell: Tell) -> tuple[float, float, float]:
        settings, dataset = self._settings, self._dataset
        self._network.train()
        begun = said = time.perf_counter()
        parts: list[tuple[float, float, float, float]] = []
        feed = batches(
            *(dataset.train, self._pictures, settings.size),
            *(settings.batch, settings.seed, epoch),
        )
        for step, batch in enumerate(feed, start=1):
            parts.append(self._step(batch, epoch * self._steps + step - 1))
            now = time.perf_counter()
            if now - said >= EVERY:
                said = now
                last = np.mean(parts[-50:], axis=0)
                pace = step / (now - begun)
                todo = (settings.epochs - epoch) * self._steps - step
                tell(
                    Progress(
                        *(epoch + 1, settings.epochs, step, self._steps),
                        *(float(last[0]), float(last[3])),
                        *(pace * len(batch.pictures), todo / pace),
                    )
                )
        loss, box, score, _ = np.mean(parts, axis=0).tolist()
        return loss, box, score

    def _step(self, batch: Batch, step: int) -> tuple[float, float, float, float]:
        for group in self._optimiser.param_groups:
            group["lr"] = rate_at(step, self._steps * self._settings.epochs, self._settings.rate)
        targets = Targets(
            torch.from_numpy(batch.picture).to(self.device),
            torch.from_numpy(batch.class_id).to(self.device),
            torch.from_numpy(batch.xyxy).to(self.device),
            torch.from_numpy(batch.ignored).to(self.device),
        )
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._half):
            rows = self._network(as_input(batch.pictures, self.device))
        loss = loss_of(rows, targets, self._cells)
        self._optimiser.zero_grad(set_to_none=True)
        loss.total.backward()
        nn.utils.clip_grad_norm_(self._network.parameters(), LONGEST)
        self._optimiser.step()
        self._average.update(self._network)
        return (
            float(loss.total.detach()),
            float(loss.box),
            float(loss.score),
            float(loss.overlap),
        )

    def _rows(self, pictures: FloatArray) -> FloatArray:
        return contract_rows(self._average.network, as_input(pictures, self.device), self._half)

    def _identity(self) -> dict[str, Any]:
        return {"dataset": self._dataset.digest, "settings": self._settings.told()}

    def _save(self) -> None:
        """Write the checkpoint so that a kill leaves the old one or the new one, whole."""
        state = self._identity() | {
            "network": self._network.state_dict(),
            "average": self._average.network.state_dict(),
            "steps": self._average.steps,
            "optimiser": self._optimiser.state_dict(),
            "history": [asdict(each) for each in self._history],
        }
        path = self._out / CHECKPOINT
        beside = path.with_suffix(".part")
        with beside.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)

    def _device_name(self) -> str:
        if self.device.type == "cuda":
            return str(torch.cuda.get_device_name(self.device))
        kind = "bfloat16" if self._half else "float32"
        return f"CPU, {torch.get_num_threads()} threads, {kind}"


def device_of(wanted: str) -> torch.device:
    """The device of a name; ``auto`` takes a GPU when there is one.

    Raises:
        ConfigError: It is not here.
    """
    if wanted not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"--device {wanted}: known are auto, cpu, cuda")
    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise ConfigError("--device cuda: torch sees no GPU here; leave --device out")
    return torch.device("cuda" if there and wanted != "cpu" else "cpu")


def native_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 itself: 24 ms a picture, 65 in float32."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def memory_for_pictures() -> int:
    """Bytes for decoded pictures: a third of what is free, for others work here too."""
    import psutil

    return int(psutil.virtual_memory().available / 3)


def groups(network: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Weights that decay, and biases and norms, which do not."""
    weights = [each for each in network.parameters() if each.ndim > 1]
    others = [each for each in network.parameters() if each.ndim <= 1]
    return [{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


def rate_at(step: int, steps: int, highest: float) -> float:
    """Step size: rises over the first 5 % (500 steps at most), then falls along a cosine to 2 %."""
    rise = max(1, min(500, steps // 20))
    if step < rise:
        return highest * (step + 1) / rise
    share = (step - rise) / max(1, steps - rise)
    return highest * (0.02 + 0.98 * (1 + math.cos(math.pi * min(1.0, share))) / 2)


def as_input(pictures: Any, device: torch.device) -> Tensor:
    """Pictures uint8 [B, H, W, 3] as the network takes them, 0 to 1 [B, 3, H, W], channels last."""
    return torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2).float() / 255


def contract_rows(network: Network, pictures: Tensor, half: bool = False) -> FloatArray:
    """What the exported graph gives: box, best score, shares of it [B, cells, 5 + classes]."""
    with torch.no_grad(), torch.autocast(pictures.device.type, torch.bfloat16, enabled=half):
        raw = network(pictures)
    score = raw[..., 4:].sigmoid()
    best = score.amax(-1, keepdim=True).clamp_min(LEAST)
    rows = torch.cat((raw[..., :4], best, score / best), -1)
    return np.asarray(rows.float().cpu().numpy(), np.float32)


def judge(
    rows_of: Callable[[Any], FloatArray],
    samples: Sequence[Sample],
    settings: Settings,
    classes: Sequence[str],
) -> list[ClassScore]:
    """How well each class is found.

    Args:
        rows_of: Pictures uint8 [B, H, W, 3] to rows [B, cells, 5 + classes].
        samples: Pictures that judge.
        settings: Of the training.
        classes: Names.
    """
    pairs = []
    for sample in samples:
        true = example(sample, settings.size, None)
        rows = rows_of(true.picture[None])[0]
        pairs.append((read_rows(rows, settings.size, STRIDES), true))
    return score_classes(pairs, classes)
