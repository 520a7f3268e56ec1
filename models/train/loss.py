"""What the network is punished for: boxes that sit badly, and scores that are not their overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name that everybody knows it by

from models.train.assign import Assigned, Cells, Targets, assign, silenced

BOX: Final = 5.0
"""Weight of the boxes beside the scores, as in YOLOX."""

LEAST_WEIGHT: Final = 0.2
"""A box that overlaps badly still counts by so much, else small ones are learned last."""


@dataclass(frozen=True, slots=True)
class Loss:
    """The parts of one step.

    Attributes:
        total: What is minimised.
        box: Mean of the boxes' part, before its weight.
        score: The scores' part.
        overlap: Mean IoU of the cells that answer, 0-1.
    """

    total: Tensor
    box: Tensor
    score: Tensor
    overlap: Tensor


def loss_of(rows: Tensor, targets: Targets, cells: Cells) -> Loss:
    """The loss of a batch.

    Args:
        rows: What the network gave [B, A, 4 + C], float32.
        targets: What is there.
        cells: The cells.
    """
    boxes, logits = cells.boxes(rows), rows[..., 4:]
    found = assign(logits.detach().sigmoid(), boxes.detach(), targets, cells)
    wanted = torch.zeros_like(logits).flatten(0, 1)
    wanted[found.cell, targets.class_id[found.target]] = found.quality
    heard = torch.ones_like(wanted)
    heard[silenced(targets, cells)] = 0
    heard[found.cell, targets.class_id[found.target]] = 1
    apart = F.binary_cross_entropy_with_logits(logits.flatten(0, 1), wanted, reduction="none")
    score = (apart * heard).sum() / found.quality.sum().clamp(min=1)
    box, overlap = _box_loss(boxes.flatten(0, 1), targets, found)
    return Loss(BOX * box + score, box.detach(), score.detach(), overlap)


def _box_loss(boxes: Tensor, targets: Targets, found: Assigned) -> tuple[Tensor, Tensor]:
    """1 - GIoU (Rezatofighi et al. 2019) and the distance of the edges in shares of the object."""
    told, true = boxes[found.cell], targets.xyxy[found.target]
    weight = found.quality.clamp(min=LEAST_WEIGHT)
    giou, iou = generous_overlap(told, true)
    sides = (true[:, 2:] - true[:, :2]).clamp(min=1).repeat(1, 2)
    # Bounded: a tiny object that a large box was told for would drown all others.
    away = ((told - true).abs() / sides).clamp(max=3).mean(1)
    each = (1 - giou) + 0.5 * away
    mean = iou.detach().mean() if len(iou) else iou.sum().detach()
    return (each * weight).sum() / weight.sum().clamp(min=1), mean


def generous_overlap(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """GIoU, which also tells boxes apart that do not touch, and IoU, of pairs [N, 4]."""
    low = torch.maximum(first[:, :2], second[:, :2])
    high = torch.minimum(first[:, 2:], second[:, 2:])
    shared = (high - low).clamp(min=0).prod(1)
    area = (first[:, 2:] - first[:, :2]).prod(1) + (second[:, 2:] - second[:, :2]).prod(1)
    union = (area - shared).clamp(min=1e-6)
    iou = shared / union
    low = torch.minimum(first[:, :2], second[:, :2])
    high = torch.maximum(first[:, 2:], second[:, 2:])
    hull = (high - low).prod(1).clamp(min=1e-6)
    return iou - (hull - union) / hull, iou
