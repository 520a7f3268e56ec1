"""Settings of Grafana: where it is, what it reads, whom its alerts reach."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from ioc.section import Section

Severity = Literal["critical", "warning"]


class GrafanaDatabaseSettings(Section):
    """The database as Grafana's own machine reaches it."""

    host: str = Field(
        "127.0.0.1", min_length=1, max_length=253, description="Its name or address, from there."
    )
    port: int = Field(5432, ge=1, le=65535, description="Its port.")
    name: str = Field("ioc", min_length=1, max_length=63, description="Name of the database.")
    user: str = Field(
        "grafana", min_length=1, max_length=63, description="A role that is granted ioc_wall."
    )
    password_file: Path | None = Field(
        None, description="File whose content is its password, on the machine that pushes."
    )
    tls: Literal["disable", "require", "verify-ca", "verify-full"] = Field(
        "verify-full", description="libpq's sslmode."
    )
    ca_file: Path | None = Field(
        None, description="CA certificate of the database, on the machine that pushes."
    )
    max_connections: int = Field(
        15, ge=1, le=100, description="Most connections Grafana holds; its role may hold 20."
    )


class ContactSettings(Section):
    """Somebody whom alerts reach. Secrets are files on Grafana's machine; it reads them itself."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,35}$", description="Its short name, unique.")
    kind: Literal["email", "webhook", "telegram"] = Field(
        description="Zalo is reached by a webhook to a gateway: docs/dashboards.md."
    )
    addresses: tuple[str, ...] = Field((), description="email: who gets it.")
    url: str | None = Field(None, pattern=r"^https?://\S+$", description="webhook: POSTed here.")
    chat_id: str | None = Field(
        None, pattern=r"^(-?\d{1,20}|@\w{1,64})$", description="telegram: the chat's number."
    )
    secret_path: Path | None = Field(
        None,
        description="telegram: file with the bot's token; webhook: file with the bearer token. "
        "A path on Grafana's machine.",
    )
    severities: tuple[Severity, ...] = Field(
        ("critical", "warning"), min_length=1, description="Which alerts it hears of."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        needs = {"email": "addresses", "webhook": "url", "telegram": "chat_id"}[self.kind]
        if not getattr(self, needs):
            raise ValueError(f"a contact of kind {self.kind!r} needs {needs}")
        if self.kind == "telegram" and self.secret_path is None:
            raise ValueError("a contact of kind 'telegram' needs secret_path, the bot's token")
        for address in self.addresses:
            if "@" not in address or any(sign in address for sign in ";,$ \n"):
                raise ValueError(f"{address!r} is no e-mail address")
        return self


class GrafanaSettings(Section):
    """Grafana, as ``ioc dashboards push`` and ``ioc dashboards build --out`` see it."""

    url: str = Field(
        "http://127.0.0.1:3000", pattern=r"^https?://[^\s?#]+$", description="Its address."
    )
    token_file: Path | None = Field(
        None, description="File with the token of a service account that has the role Admin."
    )
    user: str | None = Field(None, min_length=1, description="Instead of a token: a user's name.")
    password_file: Path | None = Field(None, description="File whose content is its password.")
    ca_file: Path | None = Field(
        None, description="CA certificate of Grafana; left out, those of the system."
    )
    folder: str = Field(
        "IOC",
        pattern=r"^[^/\\$]{1,100}$",
        description="Title of the screens' folder; the alert rules stand in one beside it.",
    )
    org: int = Field(1, ge=1, description="Number of the organisation.")
    timeout_s: float = Field(10, gt=0, le=300, description="Longest wait for one answer, seconds.")
    wait_s: float = Field(
        60, ge=0, le=3600, description="How long to try again while Grafana is away, seconds."
    )
    console_url: str | None = Field(
        None,
        pattern=r"^https?://[^/\s]+$",
        description="What links to the console begin with; left out, console.public_url.",
    )
    database: GrafanaDatabaseSettings = GrafanaDatabaseSettings()
    contacts: tuple[ContactSettings, ...] = Field(
        (),
        max_length=20,
        description="Whom alerts reach; left out, the address in Grafana's variable ALERT_EMAIL.",
    )

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if self.token_file is not None and (
            self.user is not None or self.password_file is not None
        ):
            raise ValueError("give token_file, or user and password_file, not both")
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file go together")
        if self.url.startswith("http://") and self.ca_file is not None:
            raise ValueError("ca_file is given, but url begins with http://")
        names = [contact.name for contact in self.contacts]
        if len(set(names)) != len(names):
            raise ValueError("two contacts have the same name")
        return self
