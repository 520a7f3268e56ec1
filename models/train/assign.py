"""Which cells answer for which object, and how sure each should be of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from models.contract import InputSize
from models.train.network import STRIDES

WINDOW: Final = 2
"""Cells each way round an object's middle that may answer for it, on every level: 5 x 5 x 3."""

MOST: Final = 10
"""Cells that answer for one object at most."""

SCORE_POWER: Final = 0.5
OVERLAP_POWER: Final = 6.0
"""TOOD's alignment is score^0.5 x IoU^6 (Feng et al. 2021, arXiv 2108.07755; powers as there)."""


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of all levels, finest level first.

    Attributes:
        corner: Column and row of each, float32 [A, 2].
        stride: Pixels of its side, float32 [A, 1].
        shapes: Rows and columns of each level.
    """

    corner: Tensor
    stride: Tensor
    shapes: tuple[tuple[int, int], ...]

    @staticmethod
    def of(size: InputSize, device: torch.device) -> Cells:
        """The cells of an input size."""
        corners, strides, shapes = [], [], []
        for stride in STRIDES:
            rows, columns = size.height // stride, size.width // stride
            y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
            corners.append(torch.stack((x.flatten(), y.flatten()), 1).float())
            strides.append(torch.full((rows * columns, 1), float(stride)))
            shapes.append((rows, columns))
        return Cells(torch.cat(corners).to(device), torch.cat(strides).to(device), tuple(shapes))

    def boxes(self, raw: Tensor) -> Tensor:
        """Left, top, right, bottom in pixels from the first four columns of the rows.

        Args:
            raw: [B, A, 4 or more].
        """
        centre = (raw[..., :2] + self.corner) * self.stride
        half = raw[..., 2:4].clamp(-5, 7).exp() * self.stride / 2
        return torch.cat((centre - half, centre + half), -1)


@dataclass(frozen=True, slots=True)
class Targets:
    """The objects of a batch, one after another.

    Attributes:
        picture: Place in the batch, int64 [G].
        class_id: int64 [G].
        xyxy: Pixels of the input, float32 [G, 4].
        ignored: Objects that count neither way, bool [G].
    """

    picture: Tensor
    class_id: Tensor
    xyxy: Tensor
    ignored: Tensor


@dataclass(frozen=True, slots=True)
class Assigned:
    """The cells that answer for an object.

    Attributes:
        cell: Picture x cells + cell, int64 [P]; each once.
        target: Place in the targets, int64 [P].
        quality: The score that the cell should give its class, float32 [P].
    """

    cell: Tensor
    target: Tensor
    quality: Tensor


def overlap(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union of boxes that stand side by side [..., 4], [...]."""
    low = torch.maximum(first[..., :2], second[..., :2])
    high = torch.minimum(first[..., 2:], second[..., 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    both = (first[..., 2:] - first[..., :2]).prod(-1) + (second[..., 2:] - second[..., :2]).prod(-1)
    return shared / (both - shared).clamp(min=1e-6)


def candidates(xyxy: Tensor, cells: Cells) -> tuple[Tensor, Tensor]:
    """The cells near the middle of each object whose middle lies in it.

    Only these are ever compared, 75 an object: every object against all 5040 cells of a 384 x 640
    input took longer than the network. At the finest level an object reaches one cell each way at
    least, else one of 6 pixels could fall between the middles of four cells.

    Args:
        xyxy: Objects [G, 4].
        cells: The cells.

    Returns:
        Cell int64 [G, K], and whether it may answer bool [G, K].
    """
    away = torch.arange(-WINDOW, WINDOW + 1, device=xyxy.device)
    down, across = torch.meshgrid(away, away, indexing="ij")
    down, across = down.flatten(), across.flatten()
    middle, half = (xyxy[:, :2] + xyxy[:, 2:]) / 2, (xyxy[:, 2:] - xyxy[:, :2]) / 2
    found, fits, start = [], [], 0
    for level, (stride, (rows, columns)) in enumerate(zip(STRIDES, cells.shapes, strict=True)):
        at = (middle / stride).floor().long()
        x, y = at[:, :1] + across, at[:, 1:] + down
        inside = (x >= 0) & (x < columns) & (y >= 0) & (y < rows)
        reach = half.clamp(min=stride) if level == 0 else half
        inside &= ((x + 0.5) * stride - middle[:, :1]).abs() <= reach[:, :1]
        inside &= ((y + 0.5) * stride - middle[:, 1:]).abs() <= reach[:, 1:]
        found.append(start + y.clamp(0, rows - 1) * columns + x.clamp(0, columns - 1))
        fits.append(inside)
        start += rows * columns
    return torch.cat(found, 1), torch.cat(fits, 1)


def assign(score: Tensor, boxes: Tensor, targets: Targets, cells: Cells) -> Assigned:
    """Give each object the cells that already tell it best (task-aligned, arXiv 2108.07755).

    Args:
        score: Scores of the classes after the sigmoid [B, A, C].
        boxes: What the cells tell, pixels [B, A, 4].
        targets: The objects.
        cells: The cells.
    """
    count = boxes.shape[1]
    index = torch.nonzero(~targets.ignored).flatten()
    if not len(index):
        nothing = torch.zeros(0, dtype=torch.long, device=boxes.device)
        return Assigned(nothing, nothing, torch.zeros(0, device=boxes.device))
    xyxy, picture = targets.xyxy[index], targets.picture[index][:, None]
    near, fits = candidates(xyxy, cells)
    iou = overlap(boxes[picture, near], xyxy[:, None, :])
    sure = score[picture, near, targets.class_id[index][:, None]]
    # The floor lets a cell answer that does not overlap yet: it has to learn where the object is.
    align = sure.clamp(min=1e-4) ** SCORE_POWER * iou.clamp(min=0.01) ** OVERLAP_POWER
    align = torch.where(fits, align, -1.0)
    best = align.topk(min(MOST, align.shape[1]), dim=1).indices
    align, iou = align.gather(1, best), iou.gather(1, best)
    cell = (picture * count + near.gather(1, best)).flatten()
    owner = torch.arange(len(index), device=boxes.device)[:, None].expand_as(best).flatten()
    holds = _settled(cell, owner, iou.flatten(), align.flatten() > 0, xyxy, len(boxes) * count)
    align = torch.where(holds.view_as(align), align, 0.0)
    iou = torch.where(holds.view_as(iou), iou, 0.0)
    # The best cell of an object should score its overlap, the others less.
    quality = align / align.amax(1, keepdim=True).clamp(min=1e-20) * iou.amax(1, keepdim=True)
    return Assigned(cell[holds], index[owner[holds]], quality.flatten()[holds])


def _settled(
    cell: Tensor, owner: Tensor, iou: Tensor, fits: Tensor, xyxy: Tensor, cells: int
) -> Tensor:
    """Which claims hold, so that every cell answers for one object.

    The better overlap wins, but a box of a quarter of the size wins whatever the overlap: else a
    motorbike takes all cells of the plate on it.
    """
    area = (xyxy[:, 2:] - xyxy[:, :2]).prod(1).clamp(min=1)
    claim = torch.where(fits, iou - 0.5 * area.log2()[owner], -1e9)
    most = torch.full((cells,), -1e9, device=claim.device).scatter_reduce(0, cell, claim, "amax")
    holds = fits & (claim >= most[cell])
    # Two equal claims, of an object that was labelled twice: the later one has it.
    last = torch.full((cells,), -1, device=cell.device, dtype=torch.long)
    last = last.scatter_reduce(0, cell, torch.where(holds, owner, -1), "amax")
    return holds & (owner == last[cell])


def silenced(targets: Targets, cells: Cells) -> tuple[Tensor, Tensor]:
    """The cells that must not be told that an ignored object is not there.

    Args:
        targets: The objects.
        cells: The cells.

    Returns:
        Picture x cells + cell, and class, int64 [S].
    """
    index = torch.nonzero(targets.ignored).flatten()
    middle = (cells.corner + 0.5) * cells.stride
    low, high = targets.xyxy[index, None, :2], targets.xyxy[index, None, 2:]
    # One cell more each way, for so far away a cell may answer for an object.
    within = ((middle >= low - cells.stride) & (middle <= high + cells.stride)).all(-1)
    which, cell = torch.nonzero(within).unbind(1)
    picture = targets.picture[index][which]
    return picture * len(middle) + cell, targets.class_id[index][which]
