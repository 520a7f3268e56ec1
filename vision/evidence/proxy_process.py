"""Proxies made in a process of their own, which yields to the one that watches.

Decoding, drawing and finding faces in a 1080p clip takes 8 s of a core. In the node's own process
that would hold Python's lock now and then while frames wait; in another one, of lower priority,
it takes what the frames leave.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Final

from ioc.children import end_with
from vision.evidence.clip import Clip, ClipError
from vision.evidence.faces import FaceFinder
from vision.evidence.proxy import ProxyRequest, make_proxy
from vision.evidence.request import Extra
from vision.evidence.weights import face_weights

NICE: Final = 10

_finder: FaceFinder | None = None
"""The worker process's own; it is made once."""


class ProxyMaker:
    """Makes proxies, one at a time. Safe to use from several threads."""

    def __init__(self) -> None:
        """Prepare; the process starts with the first proxy.

        Raises:
            ConfigError: The weights of the face finder are missing.
        """
        face_weights()
        self._pool = _pool()

    def make(self, clip: Clip, request: ProxyRequest) -> Extra:
        """The proxy of a clip.

        Raises:
            ClipError: None can be made of it, or the process was killed.
        """
        try:
            return self._pool.submit(_make, clip, request).result()
        except BrokenProcessPool:
            self._pool = _pool()
            raise ClipError("the process that makes proxies was killed") from None

    def close(self) -> None:
        """End the process after what is under way."""
        self._pool.shutdown(wait=True)


def _pool() -> ProcessPoolExecutor:
    # Spawned, not forked: a fork would copy the locks of the detector's threads as they stand.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, context, _begin, (os.getpid(),))


def _begin(parent: int) -> None:
    end_with(parent)
    # The node ends it when it has finished; a Ctrl-C on the terminal reaches both.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(NICE)


def _make(clip: Clip, request: ProxyRequest) -> Extra:
    global _finder
    if _finder is None:
        _finder = FaceFinder()
    return make_proxy(clip, request, _finder)
