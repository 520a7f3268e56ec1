"""A node that stores evidence until it is killed: ``… STORE KEYS NOTES``.

Each set is noted after it was stored: a kill may cost the note, never the set.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from edge.evidence_store import EvidenceStore
from tests.vision.evidence.sets import PROXY, builder_of, packets, request

SYNC_S = 0.01
"""A sync to an SD card takes so long; most kills then come while files are written."""


def slow_sync(handle: int, real: Callable[[int], None] = os.fsync) -> None:
    time.sleep(SYNC_S)
    real(handle)


def main(folder: str, keys: str, notes: str) -> None:
    store = EvidenceStore(Path(folder), budget_bytes=3 * 2**20, keep_s=0.5)
    builder = builder_of(store, Path(keys))
    coded = packets()
    out = os.open(notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    track = len(Path(notes).read_bytes())
    while True:
        track += 1
        evidence = builder.build(request(track), coded, [PROXY])
        os.write(out, f"{evidence.refs[-1].sha256}\n".encode())
        if track % 3 == 0:  # uploads, so that old sets are removed at the same time
            while (file := store.next_pending()) is not None:
                store.mark_uploaded(file.sha256)


if __name__ == "__main__":
    os.fsync = slow_sync  # type: ignore[assignment]
    main(*sys.argv[1:4])
