"""What a store of evidence tells of itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoreStats:
    """Figures of a store.

    Attributes:
        bytes: Room that its files take on the disk.
        budget_bytes: Most that they may take.
        sets: Sets that are stored.
        pending_sets: Sets that are not all uploaded.
        pending_files: Files that are to be uploaded.
        pending_bytes: Their bytes.
        counts: What became of others, by reason, since the store was made: ``stored`` and
            ``uploaded`` sets; ``expired``, ``evicted`` and ``evicted_refused`` sets removed;
            ``refused_full`` sets turned away; ``upload_refused`` and ``damaged`` files that
            were set aside; ``drafts`` and ``orphans`` removed at a start; ``rebuilt`` indexes;
            and what a caller counts.
    """

    bytes: int
    budget_bytes: int
    sets: int
    pending_sets: int
    pending_files: int
    pending_bytes: int
    counts: dict[str, int]
