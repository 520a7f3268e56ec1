"""An adapter file of one adapter, and how a test loads it with changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.adapters import Adapters

SMALL = """
[[adapter]]
name = "small"
topic = "s/+/up"
segments = { device = 1 }

[[adapter.output]]
name = "level"
type = "reading"
city = "vithanh"
site = "kenh-xa-no"
device = { segment = "device" }
time = { path = "t", format = "unix_s" }
id_key = ["n"]
data = { quantity = "water_level", value = { path = "v" }, unit = "m" }
"""


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Adapters]:
    def loader(text: str = SMALL, *changes: tuple[str, str]) -> Adapters:
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        path = tmp_path / "adapters.toml"
        path.write_text(text, encoding="utf-8")
        return Adapters.load(path)

    return loader
