"""The HTTP API of a Grafana: every way in which it fails becomes one line that says what to do."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import niquests
from grafana_client.api import GrafanaApi
from grafana_client.client import GrafanaClient, GrafanaException

from ioc.errors import ConfigError
from ioc.grafana_settings import GrafanaSettings

OLDEST: Final = (12, 0, 0)
"""Oldest Grafana that is supported: the first with playlists under ``/apis``."""

_TEMPORARY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})

T = TypeVar("T")


class PushError(Exception):
    """Grafana refused, or is no Grafana; the message says what to do."""


class AwayError(PushError):
    """Grafana is away, or not itself: worth another try."""


class StatusError(PushError):
    """An answer with an HTTP error that means something to whoever asked.

    Attributes:
        status: Its number.
        message: What Grafana says.
    """

    def __init__(self, status: int, message: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.message = message


class Server:
    """One Grafana, over its HTTP API.

    Args:
        settings: Where it is and how to get in.

    Raises:
        ConfigError: There is no way in, or a file of it cannot be read.
    """

    def __init__(self, settings: GrafanaSettings) -> None:
        self.url = settings.url.rstrip("/")
        parts = urlsplit(self.url)
        ca = settings.ca_file
        if ca is not None and not ca.is_file():
            raise ConfigError(f"grafana.ca_file: {ca}: no such file")
        path = parts.path.strip("/")
        common: dict[str, Any] = {
            "auth": _credentials(settings),
            "host": parts.hostname or "",
            "port": parts.port,
            "protocol": parts.scheme,
            "url_path_prefix": f"{path}/" if path else "",
            "verify": True if ca is None else str(ca),
            "timeout": settings.timeout_s,
            "organization_id": settings.org,
        }
        self.api: Any = GrafanaApi(**common)
        # grafana-client knows paths below /api; playlists are below /apis.
        self._root: Any = GrafanaClient(**common)
        self._root.url = self.url
        self._timeout_s = settings.timeout_s

    def call(self, what: str, ask: Callable[[], Any], kind: type[T]) -> T:
        """One call of the API.

        Args:
            what: What is done, for messages: ``folder IOC: create``.
            ask: The call.
            kind: What a right answer is: ``dict`` or ``list``.

        Raises:
            AwayError: Nothing, or an error that may pass.
            StatusError: 404, 409, 412 and other refusals of this very thing.
            PushError: Credentials, rights or address are wrong.
        """
        try:
            found = ask()
        except GrafanaException as error:
            raise self._refused(what, error) from None
        except niquests.exceptions.JSONDecodeError:
            raise PushError(self._stranger(what)) from None
        except niquests.exceptions.SSLError as error:
            raise PushError(
                f"{self.url}: its certificate is not trusted ({_line(error)}); "
                "set [grafana] ca_file to the CA that signed it"
            ) from None
        except (niquests.RequestException, OSError, ssl.SSLError) as error:
            raise AwayError(f"{self.url}: no connection ({_line(error)})") from None
        if not isinstance(found, kind):
            raise PushError(self._stranger(what))
        return found

    def get(self, what: str, path: str) -> dict[str, Any] | None:
        """A document by its path below the root, or None where there is none (404).

        Raises:
            PushError: As ``call``.
        """
        return self.maybe(what, lambda: self._root.GET(path))

    def maybe(self, what: str, ask: Callable[[], Any]) -> dict[str, Any] | None:
        """The same of any call.

        Raises:
            PushError: As ``call``.
        """
        try:
            return self.call(what, ask, dict)
        except StatusError as error:
            if error.status == 404:
                return None
            raise

    def send(self, what: str, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send a document to a path below the root.

        Raises:
            PushError: As ``call``.
        """
        ask = getattr(self._root, method)
        return self.call(what, lambda: ask(path, json=dict(body)), dict)

    def check(self) -> str:
        """Make sure that a Grafana answers that is not too old, and say which.

        Raises:
            PushError: Something else answers, or it is too old.
        """
        health = self.get("look for Grafana", "/api/health")
        if health is None or "database" not in health:
            raise PushError(self._stranger("look for Grafana"))
        if health["database"] != "ok":
            raise AwayError(f"{self.url}: its own database is not well: {health['database']}")
        version = health.get("version")
        if not version:  # a Grafana may hide it from whoever is not logged in
            settings = self.get("ask for the version", "/api/frontend/settings") or {}
            version = (settings.get("buildInfo") or {}).get("version")
        numbers = tuple(int(part) for part in re.findall(r"\d+", str(version))[:3])
        if not numbers:
            raise PushError(f"{self.url}: does not tell its version")
        if numbers < OLDEST:
            raise PushError(
                f"{self.url}: Grafana {version} is too old; "
                f"{'.'.join(map(str, OLDEST))} is the oldest that is supported"
            )
        return str(version)

    def _refused(self, what: str, error: GrafanaException) -> PushError:
        status = error.status_code
        said = error.response
        message = said.get("message", "") if isinstance(said, dict) else ""
        message = _line(message)
        if status == 0:
            return AwayError(f"{self.url}: no answer in {self._timeout_s:g} s ({what})")
        if status == 401:
            return PushError(
                f"{self.url}: the credentials are refused (401); see [grafana] token_file, or user "
                "and password_file"
            )
        if status == 403:
            return PushError(
                f"{what}: not allowed (403{', ' + message if message else ''}); "
                "the service account needs the role Admin in its organisation"
            )
        text = f"{what}: {status}{' ' + message if message else ''}"
        if status in _TEMPORARY:
            return AwayError(f"{self.url}: {text}")
        return StatusError(status, message, text)

    def _stranger(self, what: str) -> str:
        return (
            f"{self.url}: what answers is no Grafana's API ({what}); see [grafana] url, with the "
            "path of root_url where Grafana is behind one"
        )


def _credentials(settings: GrafanaSettings) -> str | tuple[str, str]:
    if settings.token_file is not None:
        return _secret("grafana.token_file", settings.token_file)
    if settings.user is not None and settings.password_file is not None:
        return settings.user, _secret("grafana.password_file", settings.password_file)
    raise ConfigError(
        "grafana: no way in; set token_file to the token of a service account with the role Admin"
    )


def _secret(key: str, path: Any) -> str:
    try:
        text = str(path.read_text(encoding="utf-8")).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{key}: {path}: {_line(error)}") from None
    if not text or "\n" in text:
        raise ConfigError(f"{key}: {path}: must hold one line, the secret alone")
    return text


def _line(value: object) -> str:
    return " ".join(str(value).split())[:300]
