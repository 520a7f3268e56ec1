"""Trains a network that judges crops, on batches that somebody else makes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name that everybody knows it by

from models.train.crop_network import CropNetwork

RATE: Final = 4e-3
DECAY: Final = 0.02
TOLD_EVERY: Final = 100


def learn(
    network: CropNetwork,
    batches: Iterator[tuple[Tensor, Tensor]],
    steps: int,
    tell: Callable[[str], None],
    *,
    rate: float = RATE,
    smoothing: float = 0.03,
) -> float:
    """Train a network.

    Args:
        network: What learns, on the CPU.
        batches: Crops [B, 3, H, W] from 0 to 1, and answers int64 [B, answers].
        steps: Batches that it learns from.
        tell: Is told how it goes.
        rate: Highest step size of AdamW.
        smoothing: Share of each answer that is spread over all symbols: a network that is never
            quite sure tells doubtful crops from clear ones.

    Returns:
        Seconds that it took.
    """
    begun = time.monotonic()
    network.train()
    optimiser = torch.optim.AdamW(network.parameters(), rate, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, steps, pct_start=0.15)
    lost = 0.0
    for step in range(1, steps + 1):
        crops, answers = next(batches)
        logits = network(crops)
        loss = F.cross_entropy(logits.flatten(0, 1), answers.flatten(), label_smoothing=smoothing)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        lost += float(loss.detach())
        if step % TOLD_EVERY == 0 or step == steps:
            passed = time.monotonic() - begun
            minutes, seconds = divmod(round(passed / step * (steps - step)), 60)
            since = (step - 1) % TOLD_EVERY + 1
            tell(f"step {step}/{steps}: loss {lost / since:.3f}, {minutes}:{seconds:02d} left")
            lost = 0.0
    network.eval()
    return time.monotonic() - begun
