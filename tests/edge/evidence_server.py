"""An evidence server over real TLS that can be told to misbehave."""

from __future__ import annotations

import base64
import datetime
import hashlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


def make_authority(folder: Path) -> dict[str, Path]:
    """A CA, a certificate of a server on 127.0.0.1, one of a node; PEM files by name."""
    files: dict[str, Path] = {}
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test CA")])
    for name in ("ca", "server", "node"):
        key = ca_key if name == "ca" else ec.generate_private_key(ec.SECP256R1())
        subject = (
            ca_name if name == "ca" else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        )
        now = datetime.datetime.now(datetime.UTC)
        built = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(ca_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=name == "ca", path_length=None), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()),
                critical=False,
            )
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True,
                    key_cert_sign=name == "ca",
                    crl_sign=name == "ca",
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
        )
        if name == "server":
            address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            built = built.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        certificate = built.sign(ca_key, hashes.SHA256())
        files[name] = folder / f"{name}.pem"
        files[name].write_bytes(certificate.public_bytes(Encoding.PEM))
        files[f"{name}_key"] = folder / f"{name}.key"
        files[f"{name}_key"].write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
    return files


class EvidenceServer:
    """Keeps what is PUT, checks digests, and does what ``trouble`` says first.

    Attributes:
        held: Digest → the bytes that came so far.
        whole: Digests that were checked and are complete.
        order: The same in the order of their completion.
        requests: Method, digest, ``Content-Range``, bearer token.
        cut_after: Each PUT takes one from here and closes the connection after so many bytes.
        statuses: Each PUT takes one from here and answers it, storing nothing.
        offsets: Each HEAD takes one from here and lies with it.
    """

    def __init__(self, files: dict[str, Path], *, mutual: bool = False) -> None:
        self.held: dict[str, bytes] = {}
        self.whole: set[str] = set()
        self.order: list[str] = []
        self.requests: list[tuple[str, str, str, str]] = []
        self.cut_after: list[int] = []
        self.statuses: list[int] = []
        self.offsets: list[str] = []
        self.on_bytes: Callable[[int], None] | None = None
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files["server"], files["server_key"])
        if mutual:
            context.load_verify_locations(files["ca"])
            context.verify_mode = ssl.CERT_REQUIRED
        self._http.socket = context.wrap_socket(
            self._http.socket, server_side=True, do_handshake_on_connect=False
        )
        self._http.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.url = f"https://127.0.0.1:{self._http.server_address[1]}/objects"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def _handler(server: EvidenceServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def answer(self, status: int, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def note(self) -> str:
            digest = self.path.rsplit("/", 1)[1]
            server.requests.append(
                (
                    self.command,
                    digest,
                    self.headers.get("Content-Range", ""),
                    self.headers.get("Authorization", ""),
                )
            )
            return digest

        def do_HEAD(self) -> None:
            digest = self.note()
            if server.offsets:
                self.answer(200, Upload_Offset=server.offsets.pop(0))
            elif digest in server.whole:
                size = str(len(server.held[digest]))
                self.answer(200, Upload_Offset=size, Upload_Complete="?1")
            elif digest in server.held:
                self.answer(200, Upload_Offset=str(len(server.held[digest])))
            else:
                self.answer(404)

        def do_PUT(self) -> None:
            digest = self.note()
            if server.statuses:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.answer(server.statuses.pop(0))
                return
            span, _, total = self.headers["Content-Range"].removeprefix("bytes ").partition("/")
            held = server.held.get(digest, b"")
            start = len(held) if span == "*" else int(span.split("-")[0])
            if start > len(held):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.answer(409, Upload_Offset=str(len(held)))
                return
            server.held[digest] = held[:start]
            limit = server.cut_after.pop(0) if server.cut_after else None
            left = int(self.headers["Content-Length"])
            while left:
                data = self.rfile.read(min(left, 4096 if limit is None else min(4096, limit)))
                if not data:
                    self.close_connection = True
                    return
                left -= len(data)
                server.held[digest] += data
                if server.on_bytes is not None:
                    server.on_bytes(len(data))
                if limit is not None:
                    limit -= len(data)
                    if limit <= 0:
                        self.connection.shutdown(socket.SHUT_RDWR)
                        self.close_connection = True
                        return
            sha = hashlib.sha256(server.held[digest]).digest()
            sent = self.headers["Repr-Digest"]
            if sent != f"sha-256=:{base64.b64encode(sha).decode()}:" or sha.hex() != digest:
                del server.held[digest]
                self.answer(422)
                return
            if len(server.held[digest]) == int(total):
                server.whole.add(digest)
                server.order.append(digest)
                self.answer(201)

    return Handler
