"""Log-in through an identity provider: OpenID Connect, authorization code with PKCE."""

from __future__ import annotations

import asyncio
import re
import secrets
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from time import monotonic
from typing import Any, Final, TypeVar, cast
from urllib.parse import quote, urlencode, urlsplit

import httpx
import msgspec
from joserfc import jwk, jwt
from joserfc.errors import JoseError
from msgspec import Struct

from ioc.clock import Clock
from ioc.console_settings import OidcSettings
from store.people import ROLES, Role

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")
"""Public keys only: with ``HS256`` the provider's public key would be the secret."""

SKEW_S: Final = 60
TIMEOUT_S: Final = 10
KEEP_S: Final = 3600
"""How long what the provider says of itself is believed without asking again."""

T = TypeVar("T")
MOST_BYTES: Final = 256 * 1024
_LOGIN: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}")
_SUBJECT: Final = re.compile(r"[\x21-\x7e]{1,255}")


class OidcError(Exception):
    """A log-in that cannot be believed.

    Attributes:
        text: Key of the text that says why.
        detail: For the log; never a token.
    """

    def __init__(self, text: str, detail: str = "") -> None:
        super().__init__(f"{text}: {detail}")
        self.text = text
        self.detail = detail


class Pending(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="oidc"):
    """A log-in that was begun; lies sealed in a cookie until the provider answers.

    Attributes:
        at: When, Unix seconds.
        next: Where the visitor was going.
    """

    state: str
    nonce: str
    verifier: str
    next: str
    at: float

    @classmethod
    def fresh(cls, next: str, at: float) -> Pending:
        """A new one, its three secrets unguessable."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        return cls(state=state, nonce=nonce, verifier=verifier, next=next, at=at)


class Metadata(Struct, frozen=True, kw_only=True):
    """What a provider says of itself (OpenID Connect Discovery 1.0)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is, as the provider says.

    Attributes:
        subject: Its own name for the person; never given to another.
        login: A log-in name that may fit here; empty for none.
        name: The person's name; may be empty.
        role: None when it gives none of ours, or more than one.
    """

    subject: str
    login: str
    name: str
    role: Role | None


class Provider:
    """The identity provider of the settings.

    Args:
        settings: Where it is, and who we are there.
        redirect_uri: Where it sends people back to.
        clock: The time.
    """

    def __init__(self, settings: OidcSettings, redirect_uri: str, clock: Clock) -> None:
        self._settings = settings
        self._redirect_uri = redirect_uri
        self._clock = clock
        self._lock = asyncio.Lock()
        self._metadata: Metadata | None = None
        self._keys: jwk.KeySet | None = None
        self._metadata_until = self._keys_until = 0.0

    @property
    def known(self) -> bool:
        """Whether it need not be asked where people log in."""
        return self._metadata is not None and monotonic() < self._metadata_until

    async def address(self, pending: Pending) -> str:
        """Where the visitor goes to log in.

        Raises:
            OidcError: The provider is away, or its description has no sense.
        """
        metadata = await self._describe()
        challenge = urlsafe_b64encode(sha256(pending.verifier.encode()).digest()).rstrip(b"=")
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": "openid profile email",
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
        }
        joint = "&" if urlsplit(metadata.authorization_endpoint).query else "?"
        return f"{metadata.authorization_endpoint}{joint}{urlencode(query)}"

    async def redeem(self, code: str, pending: Pending) -> Identity:
        """Who has come back with a code.

        Raises:
            OidcError: The provider is away or refuses the code, or its token does not hold.
        """
        metadata = await self._describe()
        token = await self._id_token(metadata, code, pending.verifier)
        try:
            try:
                claims = _signed(token, await self._key_set(metadata, fresh=False))
            except JoseError:
                # The provider may have changed its keys since; the token came from itself, over
                # a connection that we opened, so nobody else can make us ask.
                claims = _signed(token, await self._key_set(metadata, fresh=True))
            self._check(claims)
        except (JoseError, ValueError, TypeError) as error:  # the latter: no token at all
            raise OidcError("oidc_fault_token", f"{type(error).__name__} {error}") from None
        return identity_of(
            claims,
            nonce=pending.nonce,
            client_id=self._settings.client_id,
            role_claim=self._settings.role_claim,
        )

    def _check(self, claims: dict[str, Any]) -> None:
        """Refuse what another has issued, what is for others, and what is too old or too new."""
        registry = jwt.JWTClaimsRegistry(
            now=int(self._clock().timestamp()),
            leeway=SKEW_S,
            iss={"essential": True, "value": self._settings.issuer},
            aud={"essential": True, "value": self._settings.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        )
        registry.validate(claims)

    async def _describe(self) -> Metadata:
        async with self._lock:
            if self._metadata is None or not self.known:
                issuer = self._settings.issuer
                url = issuer.rstrip("/") + "/.well-known/openid-configuration"
                found = _decoded(await _fetch("GET", url), Metadata, url)
                if found.issuer != issuer:
                    raise OidcError(
                        "oidc_fault_setup", f"{url} says issuer {found.issuer!r}, not {issuer!r}"
                    )
                for address in (
                    found.authorization_endpoint,
                    found.token_endpoint,
                    found.jwks_uri,
                ):
                    scheme = urlsplit(address).scheme
                    if scheme != "https" and scheme != urlsplit(issuer).scheme:
                        raise OidcError("oidc_fault_setup", f"{url}: {address} is not https")
                self._metadata, self._metadata_until = found, monotonic() + KEEP_S
            return self._metadata

    async def _key_set(self, metadata: Metadata, *, fresh: bool) -> jwk.KeySet:
        async with self._lock:
            if self._keys is None or fresh or monotonic() >= self._keys_until:
                found = _decoded(
                    await _fetch("GET", metadata.jwks_uri), dict[str, Any], metadata.jwks_uri
                )
                self._keys = public_keys(found)
                self._keys_until = monotonic() + KEEP_S
            return self._keys

    async def _id_token(self, metadata: Metadata, code: str, verifier: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": verifier,
        }
        headers = {"Accept": "application/json"}
        secret = self._secret()
        methods = metadata.token_endpoint_auth_methods_supported
        if secret is None:
            form["client_id"] = self._settings.client_id
        elif "client_secret_basic" in methods:
            pair = f"{quote(self._settings.client_id, safe='')}:{quote(secret, safe='')}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        elif "client_secret_post" in methods:
            form |= {"client_id": self._settings.client_id, "client_secret": secret}
        else:
            raise OidcError("oidc_fault_setup", f"no way to give the secret in {methods}")
        url = metadata.token_endpoint
        status, body = await _fetch("POST", url, form, headers)
        if 400 <= status < 500:
            raise OidcError("oidc_fault_code", f"{url} answers {status}")
        token = _decoded((status, body), dict[str, Any], url).get("id_token")
        if not isinstance(token, str):
            raise OidcError("oidc_fault_token", f"{url}: no id_token")
        return token

    def _secret(self) -> str | None:
        path = self._settings.client_secret_file
        try:
            return None if path is None else path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise OidcError(
                "oidc_fault_setup", f"console.oidc.client_secret_file {path}: {error.strerror}"
            ) from None


def identity_of(
    claims: Mapping[str, Any], *, nonce: str, client_id: str, role_claim: str
) -> Identity:
    """Who a token speaks of, once its signature, issuer, audience and times are right.

    Raises:
        OidcError: It was made for another log-in or for another program, or names nobody.
    """
    given = claims.get("nonce")
    fits = isinstance(given, str) and given.isascii() and compare_digest(given, nonce)
    if not fits:
        raise OidcError("oidc_fault_token", "nonce")
    audience, party = claims.get("aud"), claims.get("azp")
    several = isinstance(audience, list) and len(audience) > 1
    if (several or party is not None) and party != client_id:
        raise OidcError("oidc_fault_token", "azp")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
        raise OidcError("oidc_fault_token", "sub")
    return Identity(subject, login_of(claims), name_of(claims), role_of(claims.get(role_claim)))


def _signed(token: str, keys: jwk.KeySet) -> dict[str, Any]:
    """The claims of a token that one of these keys has signed."""
    return jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims


def role_of(value: Any) -> Role | None:
    """The one role of ours that a claim names, alone or in a list; None for none or several."""
    named = value if isinstance(value, list) else [value]
    found = [role for role in ROLES if role in named]
    return found[0] if len(found) == 1 else None


def login_of(claims: Mapping[str, Any]) -> str:
    """A log-in name from what the provider calls the person; empty when nothing fits."""
    for claim in ("preferred_username", "email"):
        value = claims.get(claim)
        if isinstance(value, str) and _LOGIN.fullmatch(value.strip().lower()):
            return value.strip().lower()
    return ""


def name_of(claims: Mapping[str, Any]) -> str:
    """The person's name in one line; may be empty."""
    value = claims.get("name")
    text = value if isinstance(value, str) else ""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:120]


def public_keys(document: Mapping[str, Any]) -> jwk.KeySet:
    """The public keys of a JWK set; those of an unknown kind are passed over.

    What a key may not be used for, it is not used for: that joserfc sees to.

    Raises:
        OidcError: There is none.
    """
    listed = document.get("keys")
    keys = []
    for each in listed if isinstance(listed, list) else []:
        if not isinstance(each, dict) or each.get("kty") not in ("RSA", "EC", "OKP"):
            continue
        try:
            keys.append(jwk.import_key(cast(Any, each)))
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    if not keys:
        raise OidcError("oidc_fault_setup", "the provider's JWK set has no key that we can use")
    return jwk.KeySet(keys)


async def _fetch(
    method: str,
    url: str,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, bytes]:
    """Status and body, bounded in time and size; nobody sends us elsewhere."""
    body = bytearray()
    try:
        async with (
            asyncio.timeout(TIMEOUT_S),
            httpx.AsyncClient(follow_redirects=False, timeout=TIMEOUT_S) as client,
            client.stream(
                method, url, data=form, headers={"Accept-Encoding": "identity", **(headers or {})}
            ) as response,
        ):
            async for part in response.aiter_raw():
                body += part
                if len(body) > MOST_BYTES:
                    raise OidcError("oidc_fault_away", f"{url}: over {MOST_BYTES} bytes")
            return response.status_code, bytes(body)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise OidcError("oidc_fault_away", f"{url}: {type(error).__name__} {error}") from None


def _decoded(answer: tuple[int, bytes], kind: type[T], url: str) -> T:
    status, body = answer
    if status != 200:
        raise OidcError("oidc_fault_away", f"{url} answers {status}")
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise OidcError("oidc_fault_setup", f"{url}: {error}") from None
