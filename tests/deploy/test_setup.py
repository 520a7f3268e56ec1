"""setup.sh: what it makes, that it overwrites nothing, and what it says of wrong use."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from ioc.topics import device_path
from tests.deploy.compose_file import read_env
from tests.deploy.core_files import DEPLOY, CoreFiles

CAM = device_path("vithanh", "tran-hung-dao", "cam-1")


@pytest.fixture
def files(core: CoreFiles, tmp_path: Path) -> CoreFiles:
    """A copy of the core that the test may change."""
    copied = CoreFiles(tmp_path / "core")
    shutil.copytree(core.folder, copied.folder)
    for path in (copied.folder / "pki/ca/ca.cnf",):
        path.write_text(path.read_text().replace(str(core.folder), str(copied.folder)))
    env = core.env_file.read_text().replace(str(core.folder), str(copied.folder))
    copied.env_file.write_text(env)
    (copied.folder / "pki/.no-chown").touch()
    return copied


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


def _openssl(*arguments: str) -> str:
    done = subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True)
    return done.stdout


def test_a_second_init_changes_nothing_and_makes_what_is_missing(files: CoreFiles) -> None:
    before = _contents(files.folder)
    files.init()
    assert _contents(files.folder) == before
    gone = files.folder / "secrets/core/database-grafana"
    value = gone.read_text()
    gone.unlink()
    (files.folder / "pki/grafana/server.crt").unlink()
    files.init()
    assert gone.read_text() == value  # as its other reader has it
    after = _contents(files.folder)
    changed = {name for name in before if after[name] != before[name]}
    assert {name for name in changed if not name.startswith("pki/ca/")} == {
        "pki/grafana/server.crt",
        "pki/grafana/server.key",
        "pki/public/grafana.server.crt",
    }


def test_no_two_cores_have_the_same_passwords(core: CoreFiles, tmp_path: Path) -> None:
    other = CoreFiles(tmp_path / "core")
    other.call("init", "--host", "b.test", "--dir", str(other.folder), "--no-chown")
    ours, theirs = (
        {path.read_text() for path in (one.folder / "secrets").rglob("*") if path.is_file()}
        for one in (core, other)
    )
    assert len(ours) == 9 and ours.isdisjoint(theirs)
    identities = {read_env(one.env_file)["KAFKA_CLUSTER_ID"] for one in (core, other)}
    assert len(identities) == 2
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{21}", one) for one in identities)


def test_nobody_else_can_read_a_key_or_a_password(core: CoreFiles) -> None:
    core.device(device_path("vithanh", "x", "cam-9"))
    private = [path for path in core.folder.rglob("*.key*") if path.is_file()]
    private += [path for path in (core.folder / "secrets").rglob("*") if path.is_file()]
    assert len(private) > 20
    for path in private:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE((core.folder / "pki/ca").stat().st_mode) == 0o700


def test_the_certificates_say_what_they_are_for(core: CoreFiles) -> None:
    core.device(CAM)
    authority = str(core.folder / "pki/ca/ca.crt")
    device = str(core.devices / "vithanh.tran-hung-dao.cam-1.crt")
    server = str(core.folder / "pki/mosquitto/server.crt")
    for path, purpose in ((device, "sslclient"), (server, "sslserver")):
        assert "OK" in _openssl("verify", "-CAfile", authority, "-purpose", purpose, path)
    for path, purpose in ((device, "sslserver"), (server, "sslclient")):
        with pytest.raises(subprocess.CalledProcessError):
            _openssl("verify", "-CAfile", authority, "-purpose", purpose, path)
    assert "CN = vithanh/tran-hung-dao/cam-1" in _openssl(
        "x509", "-in", device, "-noout", "-subject"
    )
    names = _openssl("x509", "-in", server, "-noout", "-ext", "subjectAltName")
    for name in ("DNS:ioc.test", "DNS:mosquitto", "DNS:localhost", "IP Address:127.0.0.1"):
        assert name in names


def test_a_device_may_keep_its_key_to_itself(files: CoreFiles, tmp_path: Path) -> None:
    key, request = tmp_path / "own.key", tmp_path / "own.csr"
    _openssl(
        *("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
        *("-keyout", str(key), "-out", str(request), "-subj", "/CN=other\\/site\\/device"),
    )
    files.device(device_path("vithanh", "x", "own"), "--csr", str(request), "--days", "30")
    made = files.devices / "vithanh.x.own.crt"
    assert not made.with_suffix(".key").exists()
    # Not the name that the request asked for, but the one that was given here.
    assert "CN = vithanh/x/own" in _openssl("x509", "-in", str(made), "-noout", "-subject")
    assert _openssl("x509", "-in", str(made), "-noout", "-pubkey") == _openssl(
        "pkey", "-in", str(key), "-pubout"
    )
    assert "own" in files.run("list", "--within", "31").stdout


def test_a_list_tells_what_ends_soon(files: CoreFiles) -> None:
    files.device(device_path("vithanh", "x", "short"), "--days", "10")
    files.device(device_path("vithanh", "x", "long"), "--days", "400")
    soon = files.run("list", "--within", "11")
    assert soon.returncode == 1
    assert [line.split()[-1] for line in soon.stdout.splitlines()] == ["vithanh/x/short"]
    none = files.run("list", "--within", "5")
    assert (none.returncode, none.stdout) == (0, "")
    assert len(files.call("list").splitlines()) > 8


def test_a_renewed_device_has_two_good_certificates_and_loses_both(files: CoreFiles) -> None:
    path = device_path("vithanh", "x", "cam-1")
    files.device(path)
    first = (files.devices / "vithanh.x.cam-1.crt").read_bytes()
    assert "there already" in files.call("device", *path)
    assert (files.devices / "vithanh.x.cam-1.crt").read_bytes() == first
    files.device(path, "--renew")
    assert (files.devices / "vithanh.x.cam-1.crt").read_bytes() != first
    assert "revoked 2 of vithanh/x/cam-1" in files.call("revoke", *path)
    states = [line.split()[0] for line in files.call("list").splitlines() if "x/cam-1" in line]
    assert states == ["revoked", "revoked"]
    assert files.run("revoke", *path).returncode == 2
    revoked = _openssl("crl", "-in", str(files.folder / "pki/mosquitto/crl.pem"), "-noout", "-text")
    assert revoked.count("Serial Number") == 2


def test_a_bad_request_leaves_the_certificate_that_is_there(
    files: CoreFiles, tmp_path: Path
) -> None:
    path = device_path("vithanh", "x", "cam-1")
    files.device(path)
    first = (files.devices / "vithanh.x.cam-1.crt").read_bytes()
    (tmp_path / "bad.csr").write_text("no request\n")
    done = files.run("device", *path, "--csr", str(tmp_path / "bad.csr"), "--renew")
    assert done.returncode == 2
    assert (files.devices / "vithanh.x.cam-1.crt").read_bytes() == first


def test_a_program_is_renewed_and_revoked_by_its_name(files: CoreFiles) -> None:
    files.call("service", "ioc-chirpstack")
    first = (files.devices / "ioc-chirpstack.crt").read_bytes()
    assert "--renew" in files.call("service", "ioc-chirpstack")
    files.call("service", "ioc-chirpstack", "--renew")
    assert (files.devices / "ioc-chirpstack.crt").read_bytes() != first
    assert "revoked 2 of ioc-chirpstack" in files.call("revoke", "ioc-chirpstack")


def test_a_second_init_says_what_it_leaves_as_it_is(files: CoreFiles) -> None:
    before = files.env_file.read_text()
    folder = ("--dir", str(files.folder))
    said = files.call("init", *folder, "--host", "new.ioc.test", "--mail", "watch@ioc.test")
    assert files.env_file.read_text() == before
    assert "--host: " in said and "keeps CORE_HOSTS=ioc.test" in said
    assert "--mail: " in said and "--address: " not in said
    assert "keeps" not in files.call("init", *folder)


def test_services_are_renewed_when_they_end_soon(files: CoreFiles) -> None:
    before = _contents(files.folder / "pki/database")
    files.call("renew", "--within", "30")
    assert _contents(files.folder / "pki/database") == before
    files.call("renew", "--within", "900")
    after = _contents(files.folder / "pki/database")
    assert after["server.crt"] != before["server.crt"]
    assert before["server.key"] in after.values()  # put aside, not lost
    public = files.folder / "pki/public/database.server.crt"
    assert public.read_bytes() == after["server.crt"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("init",), "--host is missing"),
        (("init", "--host", "a b"), "--host 'a b': not allowed"),
        (("init", "--host", "a", "--mail", "nobody"), "--mail 'nobody'"),
        (("init", "--host", "a", "--dir", "srv"), "give it from the root"),
        (("init", "--host", "a", "--dir", "/srv/a b", "--no-chown"), "letters, digits"),
        (("init", "--wrong"), "unknown argument"),
        (("device", "vithanh", "x"), "give CITY SITE DEVICE"),
        (("device", "Vithanh", "x", "y"), "CITY 'Vithanh': not allowed"),
        (("device", "vithanh", "x/y", "z"), "SITE 'x/y': not allowed"),
        (("device", "vithanh", "x", "+"), "DEVICE '+': not allowed"),
        (("device", "a" * 40, "b" * 40, "c"), "at most 64 letters"),
        (("device", "vithanh", "x", "y", "--days", "0"), "--days '0'"),
        (("device", "vithanh", "x", "y", "--csr", "/none"), "--csr /none: cannot be read"),
        (("revoke", "vithanh", "x"), "give CITY SITE DEVICE, or the NAME of a program"),
        (("revoke", "Chirpstack"), "NAME 'Chirpstack': not allowed"),
        (("revoke", "vithanh", "x", "never"), "no certificate that could be revoked"),
        (("service", "bridge"), "NAME 'bridge': not allowed"),
        (("list", "--within", "soon"), "--within 'soon'"),
        (("destroy",), "unknown command 'destroy'"),
        ((), "Usage: setup.sh COMMAND"),
    ],
)
def test_wrong_use_says_what_is_wrong(
    core: CoreFiles, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    before = _contents(core.folder)
    if arguments[:1] == ("init",):
        core = CoreFiles(tmp_path / "none")
    done = core.run(*arguments)
    assert done.returncode == 2 and says in done.stderr, done.stderr
    if core.folder.exists():
        assert _contents(core.folder) == before


def test_without_init_every_command_names_it(tmp_path: Path) -> None:
    nothing = CoreFiles(tmp_path / "core")
    for command in (("device", "a", "b", "c"), ("revoke", "a", "b", "c"), ("list",), ("renew",)):
        done = nothing.run(*command)
        assert done.returncode == 2 and "setup.sh init --host NAME" in done.stderr


def test_help_names_every_command(core: CoreFiles) -> None:
    text = core.call("--help")
    for command in ("init", "device", "service", "revoke", "list", "renew"):
        assert re.search(rf"^  {command} ", text, re.MULTILINE)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")
def test_each_service_owns_its_files(core: CoreFiles) -> None:
    owners = {"mosquitto": 1883, "database": 70, "grafana": 472, "console": 10001, "bridge": 10001}
    for name, uid in owners.items():
        for path in (core.folder / "pki" / name).iterdir():
            assert path.stat().st_uid == uid, path
    for name, uid in (("kafka", 1000), ("evidence", 10002), ("mosquitto", 1883)):
        folder = core.folder / "data" / name
        assert (folder.stat().st_uid, stat.S_IMODE(folder.stat().st_mode)) == (uid, 0o700)


def test_the_access_list_knows_every_topic_of_the_contract() -> None:
    from ioc.topics import RECEIPT_TAIL, TAILS

    text = (DEPLOY / "mosquitto/acl").read_text()
    written = set(re.findall(r"^pattern write ioc/v1/%u/(\S+)$", text, re.MULTILINE))
    assert written == set(TAILS)
    bridge = text.split("user ioc-bridge")[1].split("user ")[0]
    assert set(re.findall(r"^topic read ioc/v1/\+/\+/\+/(\S+)$", bridge, re.MULTILINE)) == set(
        TAILS
    )
    assert f"pattern read ioc/v1/%u/{RECEIPT_TAIL}\n" in text
