"""Adapter files that are wrong: refused with the file, the adapter, the field and how to mend."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.adapters import Adapters
from ioc.errors import ConfigError
from tests.ingest.conftest import SMALL


@pytest.mark.parametrize(
    ("old", "new", "where", "mend"),
    [
        ("id_key =", "id_keys =", "output.0.id_keys", "did you mean 'id_key'?"),
        ('name = "small"', 'nam = "small"', "nam", "did you mean 'name'?"),
        ('type = "reading"', 'type = "status"', "output.0.type", "'reading'"),
        ('"s/+/up"', '"s/#/up"', "topic", "'#' may only be the last level"),
        ('"s/+/up"', '"ioc/v1/+/+/+/metric/#"', "topic", "would take our own devices'"),
        ("device = 1", "device = 7", "segments.device", "has no level 7"),
        ('"device" }', '"eui" }', "output 'level': device", "segments are device"),
        ('["n"]', '["n..x"]', "output 'level': id_key", "'n..x' is not JMESPath"),
        ('["n"]', "[]", "output.0.id_key", "at least 1"),
        ('path = "v"', 'path = "v["', "output 'level': data.value.path", "is not JMESPath"),
        ('path = "v"', 'pth = "v"', "output 'level': data.value", "Expected `float`, got `object`"),
        ('path = "v"', 'path = "v", scal = 2', "output 'level': data.value: scal", "'scale'?"),
        ('path = "v"', 'scale = 2', "output 'level': data.value", "give either path or segment"),
        ('value = {', 'valu = {', "output 'level': data.valu", "did you mean 'value'?"),
        ('value = { path = "v" }, ', "", "output 'level': data.value", "missing; add it"),
        ('unit = "m"', 'unit = "cm"', "output 'level': data.unit", "measured in 'm', not 'cm'"),
        ('unit = "m"', "unit = 3", "output 'level': data.unit", "Expected `str`, got `int`"),
        ('city = "vithanh"', "city = 3", "output 'level': city", "expected text"),
        ('path = "t", ', "", "output 'level': time", "give either path or received"),
        ('"unix_s"', '"unix"', "output.0.time.format", "'unix_ms'"),
    ],
)  # fmt: skip
def test_a_wrong_file_names_file_adapter_field_and_mend(
    old: str, new: str, where: str, mend: str, load: Callable[..., Adapters], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(SMALL, (old, new))
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{tmp_path / 'adapters.toml'}: adapter ") for line in lines)
    assert any(f": {where}: " in line and mend in line for line in lines), lines


def test_two_adapters_may_not_claim_the_same_topic_or_name(load: Callable[..., Adapters]) -> None:
    with pytest.raises(ConfigError, match="another adapter has it"):
        load(SMALL + SMALL)
    with pytest.raises(ConfigError, match="some topics also match adapter 'small'"):
        load(SMALL + SMALL.replace('"small"', '"other"').replace("s/+/up", "+/+/up"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "expected \\[\\[adapter\\]\\] tables"),
        ("adapter = 3", "expected \\[\\[adapter\\]\\] tables"),
        ("[other]\n" + SMALL, "nothing else at the top level"),
        ("[[adapter]", "not TOML: .*line 1"),
    ],
)
def test_what_is_no_adapter_file_is_refused(
    text: str, why: str, load: Callable[..., Adapters]
) -> None:
    with pytest.raises(ConfigError, match=why):
        load(text)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        Adapters.load(tmp_path / "none.toml")
