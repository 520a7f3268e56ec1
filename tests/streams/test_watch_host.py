"""The watcher on certificates and disks."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ioc.settings import DatabaseSettings
from tests.streams.watching import rows, running, settings_of, until

DAYS = 42


def _certificate(folder: Path, days: float) -> tuple[Path, Path]:
    """A self-signed certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ioc.test")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=400))
    made = builder.not_valid_after(now + timedelta(days=days)).sign(key, hashes.SHA256())
    paths = folder / f"cert-{days}.pem", folder / f"key-{days}.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


@contextmanager
def _tls_server(folder: Path) -> Iterator[int]:
    """A server that shows a certificate that nobody trusts, and asks for one."""
    certificate, key = _certificate(folder, DAYS)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(certificate)
    context.verify_mode = ssl.CERT_REQUIRED  # as a broker of devices does
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(connection, server_side=True) as channel:
                    channel.recv(1)
            except OSError:
                continue

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()


def test_certificates_and_disks_are_measured(database: DatabaseSettings, tmp_path: Path) -> None:
    good, _ = _certificate(tmp_path, 12)
    ended, _ = _certificate(tmp_path, -3)
    none = tmp_path / "none.pem"
    none.write_text("no certificate\n")
    with _tls_server(tmp_path) as port:
        places = {
            "good": str(good), "ended": str(ended), "none": str(none),
            "missing": str(tmp_path / "missing.pem"), "broker": f"127.0.0.1:{port}",
            "silent": "127.0.0.1:1",
        }  # fmt: skip
        folders = {"data": str(tmp_path), "missing": str(tmp_path / "missing")}
        watching = settings_of(database, certificates=places, folders=folders)
        with running(watching) as watch:
            until(lambda: watch.counters.looks >= 2)
    found = rows(database)

    def told(figure: str) -> dict[str, float]:
        return {label: values[-1] for (_, name, label), values in found.items() if name == figure}

    days = told("certificate_days")
    assert days == pytest.approx({"good": 12, "ended": -3, "broker": DAYS}, abs=0.01)
    assert told("certificate_up") == {
        **{"good": 1, "ended": 1, "broker": 1},
        **{"none": 0, "missing": 0, "silent": 0},
    }
    assert 0 < found["host:core-1", "disk_used_share", "data"][0] <= 1
    assert found["host:core-1", "disk_free_bytes", "data"][0] > 0
    assert ("host:core-1", "disk_used_share", "missing") not in found
