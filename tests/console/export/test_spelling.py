"""The verifier spells JSON as the product does, and reads nothing else."""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from console.export import verify_script as script
from ioc.events import (
    ClockRef,
    ViolationData,
)
from ioc.manifest import Manifest, canonical, read_manifest, seal
from tests.console.export.intact import Exported
from tests.console.export.values import instants, plain, violations


@given(plain)
@example({"\x7f": "\u2028\x00\x1f", "\U0001d4b3": 'é\\"\b\f\n\r\t/'})
@example([1e16, 1e22, -0.0, 2.5e-7, 1e-5, 123456789012345678.0, 5e-324])
def test_the_verifier_spells_as_we_do(value: Any) -> None:
    data = canonical(value)
    assert script.canonical(script.load(data)) == data


@given(violations)
def test_what_a_device_signs_of_an_event_is_spelt_the_same(data: ViolationData) -> None:
    read = script.load(canonical(data))
    read.pop("signature", None)
    assert script.canonical(read) == canonical(data)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.integers(-(2**53), 2**53), max_size=50), st.text(min_size=1, max_size=200),
    instants, st.floats(-8e7, 8e7), st.text(min_size=1, max_size=200),
)  # fmt: skip
def test_what_a_device_signs_of_a_manifest_is_spelt_the_same(
    exported: Exported, times: list[int], reason: str, act: datetime, offset: float, name: str
) -> None:
    path = next((exported.folder / "evidence").glob("*/manifest.json"))
    real = read_manifest(path.read_bytes()).manifest
    clip = real.clip
    assert clip is not None
    made: Manifest = msgspec.structs.replace(
        real, act_time=act, software=name, clock=ClockRef(source="gps", offset_ms=offset),
        clip=msgspec.structs.replace(clip, pictures_us=tuple(times), codec=reason),
    )  # fmt: skip
    sealed = seal(made, exported.camera)
    signed = script.load(sealed)
    assert script.canonical(signed["manifest"]) == canonical(made)
    message, signature = script.canonical(signed["manifest"]), bytes.fromhex(signed["signature"])
    assert script.is_signed(message, signature, exported.camera.public)


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"\xff", b'{"a":1,"a":2}', b'{ "a":1}', b'{"b":1,"a":2}', b"NaN", b"[Infinity]",
     b'"\\u0041"', b'"\\ud800"', b"[" * 100_000, b'{"a":1}\n', b'"\\/"'],
)  # fmt: skip
def test_another_spelling_is_refused(data: bytes) -> None:
    with pytest.raises(script.BrokenError):
        script.load(data)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    with contextlib.suppress(script.BrokenError):
        assert script.canonical(script.load(data)) == data
