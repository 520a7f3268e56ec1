"""What tests of the watcher get."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.streams.watching import Pages


@pytest.fixture
def pages() -> Iterator[Pages]:
    """A server with a bridge's page, and pages that are slow, garbled, too large or ill."""
    server = Pages()
    yield server
    server.close()
