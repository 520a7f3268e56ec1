"""Settings of the console, the identity provider behind it and those that it tells."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from ioc.section import Section


class OidcSettings(Section):
    """Log-in through the police's own identity provider (OpenID Connect)."""

    issuer: str = Field(pattern=r"^https?://", description="Its address, as in its tokens' iss.")
    client_id: str = Field(min_length=1, description="This console's id there.")
    client_secret_file: Path | None = Field(None, description="File whose content is the secret.")
    name: str = Field("OpenID", min_length=1, max_length=60, description="Shown on the button.")
    role_claim: str = Field("ioc_role", description="Claim that names the role of a new person.")


class WebhookSettings(Section):
    """Somebody who is told of every decided case."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="Its short name.")
    url: str = Field(pattern=r"^https?://", description="Deliveries are POSTed here.")
    secret_file: Path = Field(description="File with the shared secret that signs deliveries.")
    states: tuple[Literal["confirmed", "rejected"], ...] = Field(
        ("confirmed",), description="Which decisions it hears of."
    )


class ConsoleSettings(Section):
    """The police's review console, evidence intake and wall preview."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 is any free one.")
    public_url: str = Field(
        "http://127.0.0.1:8080",
        pattern=r"^https?://[^/]+$",
        description="What people type. With https:// cookies are sent over TLS only.",
    )
    trusted_proxies: str = Field(
        "127.0.0.1", description="Proxies whose X-Forwarded-For is believed, by commas."
    )
    cert_file: Path | None = Field(None, description="Certificate, to serve TLS without a proxy.")
    private_key_file: Path | None = Field(None, description="Its private key.")
    evidence_url: str = Field(
        "console-data/evidence",
        min_length=1,
        description="Where originals are kept: a folder, or s3://bucket/prefix.",
    )
    work_dir: Path = Field(
        Path("console-data/work"), description="Unfinished uploads and viewing copies."
    )
    keys_dir: Path = Field(
        Path("console-data/keys"),
        description="The console's own keys, made at the first start. Keep a copy.",
    )
    max_file_mb: float = Field(256, gt=0, le=4096, description="Largest file of evidence, MiB.")
    min_free_mb: float = Field(1024, ge=0, description="Uploads are put off below this, MiB.")
    check_mb: float = Field(
        64, gt=0, le=10_000, description="Stored evidence that is read again each minute, MiB."
    )
    pool_size: int = Field(8, ge=2, le=64, description="Database connections.")
    session_hours: float = Field(10, gt=0, le=72, description="A log-in ends after this, hours.")
    idle_minutes: float = Field(30, gt=0, description="And after this without a request.")
    lock_minutes: float = Field(10, gt=0, le=240, description="A case stays reserved so long.")
    deadline_days: float = Field(
        10, gt=0, le=365, description="A case should be decided this long after the act, days."
    )
    second_factor: Literal["required", "optional"] = Field(
        "required", description="Whether everybody but operators needs a TOTP code."
    )
    blind_share: float = Field(
        0.05, ge=0, le=1, description="Share of rejected cases that a second person sees blind."
    )
    group_within_s: float = Field(
        30, gt=0, le=600, description="Acts of one vehicle this close are one case, seconds."
    )
    confirmed_keep_days: float = Field(
        730, gt=0, description="Confirmed: removed this long after the decision, days."
    )
    rejected_keep_days: float = Field(
        7, gt=0, description="Rejected: removed this long after the decision, days."
    )
    unreviewed_keep_days: float = Field(
        30, gt=0, description="Never decided: removed this long after the act, days."
    )
    detecting_unit: str = Field(
        "Trung tâm điều hành thông minh (IOC)", max_length=200, description="Printed on records."
    )
    handling_unit: str = Field(
        "Phòng Cảnh sát giao thông (PC08)", max_length=200, description="Printed on records."
    )
    phone: str = Field("", max_length=40, description="Printed on records.")
    oidc: OidcSettings | None = None
    webhooks: tuple[WebhookSettings, ...] = ()
