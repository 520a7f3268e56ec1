from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_public_key,
)
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from ioc.cli import app
from ioc.errors import ConfigError
from ioc.identity import DeviceKey, Trust, device_file_name, device_of, is_signed, key_file, key_id
from ioc.settings import load_settings
from ioc.topics import SEGMENT, DevicePath, device_path

PATH = device_path("vithanh", "tran-hung-dao", "cam-1")


def test_a_key_is_made_once_and_read_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "a.pem"
    key = DeviceKey.load_or_create(path)
    again = DeviceKey.load_or_create(path)
    assert again.public == key.public
    assert again.id == key.id == key_id(key.public)
    assert path.stat().st_mode & 0o777 == 0o600
    assert is_signed(b"x", again.sign(b"x"), key.public)
    assert not is_signed(b"y", again.sign(b"x"), key.public)
    assert [file.name for file in path.parent.iterdir()] == ["a.pem"]


def test_eight_starts_at_once_agree_on_one_key(tmp_path: Path) -> None:
    path = tmp_path / "a.pem"
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: DeviceKey.load_or_create(path).public, range(8)))
    assert len(set(keys)) == 1


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_key_that_others_may_read_is_refused(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "a.pem"
    DeviceKey.load_or_create(path)
    path.chmod(mode)
    with pytest.raises(ConfigError, match=f"chmod 600 {path}"):
        DeviceKey.load_or_create(path)


@pytest.mark.parametrize("content", [b"", b"x" * 100, b"-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_what_is_no_key_is_refused_and_not_replaced(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.pem"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=r"a\.pem: not an Ed25519 private key"):
        DeviceKey.load_or_create(path)
    assert path.read_bytes() == content


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pem"
    key = generate_private_key(65537, 2048)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="not an Ed25519"):
        DeviceKey.load(path)


def test_a_folder_that_cannot_be_written_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"evidence\.keys_dir"):
        DeviceKey.load_or_create(tmp_path / "file" / "a.pem")


segment = st.from_regex(SEGMENT, fullmatch=True)


@given(st.tuples(segment, segment, segment), st.tuples(segment, segment, segment))
def test_two_devices_never_share_a_file_name(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    name = device_file_name(DevicePath(*one))
    assert device_of(name) == one
    assert (name == device_file_name(DevicePath(*other))) == (one == other)


def test_trust_is_of_the_device_that_the_file_names(tmp_path: Path) -> None:
    key = DeviceKey.load_or_create(key_file(tmp_path, PATH))
    trust = Trust.load(tmp_path)
    assert trust.fault(key.public, PATH.source) is None
    assert PATH.source in (trust.fault(key.public, "/vithanh/x/cam-9") or "")
    assert "nobody" in (trust.fault(os.urandom(32), PATH.source) or "")
    anywhere = tmp_path / "pub" / "any.pem"
    anywhere.parent.mkdir()
    anywhere.write_text(key.public_pem())
    assert Trust.load(anywhere).fault(key.public, "/vithanh/x/cam-9") is None


def test_the_command_prints_what_is_enrolled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOC_EVIDENCE__KEYS_DIR", str(tmp_path))
    load_settings.cache_clear()
    made = CliRunner().invoke(app, ["evidence", "key", "--device", PATH.key])
    assert made.exit_code == 0
    key = DeviceKey.load(key_file(tmp_path, PATH))
    assert key.id in made.output
    pem = made.output[made.output.index("-----BEGIN") :]
    assert load_pem_public_key(pem.encode()).public_bytes_raw() == key.public  # type: ignore[union-attr]
    assert "PRIVATE" not in made.output
    listed = CliRunner().invoke(app, ["evidence", "key"])
    assert listed.output == made.output
