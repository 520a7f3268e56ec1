"""A small identity provider (OpenID Connect) on loopback, which does wrong when told to."""

from __future__ import annotations

import json
import secrets
import threading
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from hmac import digest
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlencode

import uvicorn
from fastapi import FastAPI, Form, Request
from joserfc import jwk, jwt
from starlette.responses import JSONResponse, RedirectResponse, Response

from ioc.local_process import free_port

CLIENT = "ioc-console"
SECRET = "một bí mật: với / dấu %"


@cache
def _first_key() -> jwk.RSAKey:
    return jwk.RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"})


@dataclass
class IdentityProvider:
    """What it knows, and what it does wrong.

    Attributes:
        person: Claims of whoever logs in.
        key: Signs; another one after ``rotate``.
        mend: Is given the claims of a token and changes them.
        algorithm: Of the signature; ``none`` for no signature.
        extra_keys: Further entries of the JWK set.
        tokens: How many it has given.
        key_fetches: How often its keys were asked for.
        token_answer: What it answers instead of a token.
        way: How programs tell their secret.
    """

    person: dict[str, Any] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    key: jwk.RSAKey = field(default_factory=_first_key)
    mend: Callable[[dict[str, Any]], None] = lambda claims: None
    header: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    description: dict[str, Any] = field(default_factory=dict)
    extra_keys: list[dict[str, Any]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: int = 0
    key_fetches: int = 0
    token_answer: Response | None = None
    way: Literal["basic", "post", "none"] = "basic"

    @property
    def issuer(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def rotate(self) -> None:
        """Sign with a new key, of which nobody knows yet."""
        kid = f"k{secrets.token_hex(4)}"
        self.key = jwk.RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Listen."""
        server = uvicorn.Server(uvicorn.Config(self.app(), port=self.port, log_level="error"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        until = time.monotonic() + 20
        while not server.started and time.monotonic() < until:
            time.sleep(0.02)
        assert server.started
        try:
            yield
        finally:
            server.should_exit = True
            thread.join(20)

    def app(self) -> FastAPI:
        """Its endpoints."""
        app = FastAPI()

        @app.get("/.well-known/openid-configuration")
        def describe() -> dict[str, Any]:
            return {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize?tenant=1",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "response_types_supported": ["code"],
                **self._secrets(),
                **self.description,
            }

        @app.get("/keys")
        def keys() -> dict[str, Any]:
            self.key_fetches += 1
            return {"keys": [*self.extra_keys, self.key.as_dict(private=False)]}

        @app.get("/authorize")
        def authorize(request: Request) -> Response:
            asked = dict(request.query_params)
            assert asked["tenant"] == "1"
            assert asked["response_type"] == "code"
            assert asked["client_id"] == CLIENT
            assert asked["code_challenge_method"] == "S256"
            assert "openid" in asked["scope"].split()
            code = secrets.token_urlsafe(16)
            self.codes[code] = asked
            answer = {"code": code, "state": asked["state"], "iss": self.issuer}
            return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(answer)}", 302)

        @app.post("/token")
        def token(
            request: Request,
            grant_type: Annotated[str, Form()],
            code: Annotated[str, Form()],
            redirect_uri: Annotated[str, Form()],
            code_verifier: Annotated[str, Form()],
            client_id: Annotated[str, Form()] = "",
            client_secret: Annotated[str, Form()] = "",
        ) -> Response:
            if self.token_answer is not None:
                return self.token_answer
            asked = self.codes.pop(code, None)  # a code works once
            challenge = urlsafe_b64encode(sha256(code_verifier.encode()).digest()).decode()
            good = (
                asked is not None
                and grant_type == "authorization_code"
                and redirect_uri == asked["redirect_uri"]
                and challenge.rstrip("=") == asked["code_challenge"]
            )
            if not good or asked is None:
                return JSONResponse({"error": "invalid_grant"}, 400)
            pair = _basic(request) if self.way == "basic" else (client_id, client_secret)
            if pair != (CLIENT, "" if self.way == "none" else SECRET):
                return JSONResponse({"error": "invalid_client"}, 401)
            self.tokens += 1
            return JSONResponse(
                {
                    "access_token": "opaque",
                    "token_type": "Bearer",
                    "id_token": self.id_token(asked["nonce"]),
                }
            )

        return app

    def _secrets(self) -> dict[str, Any]:
        if self.way != "post":
            return {}
        return {"token_endpoint_auth_methods_supported": ["client_secret_post"]}

    def id_token(self, nonce: str) -> str:
        """A token for whoever logs in."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            **self.person,
        }
        self.mend(claims)
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.algorithm == "none":
            return f"{_coded({'alg': 'none'})}.{_coded(claims)}."
        header = {"alg": self.algorithm, "kid": self.key.kid, **self.header}
        if self.algorithm == "HS256":  # the public key taken for a secret
            signed = f"{_coded(header)}.{_coded(claims)}"
            made = digest(self.key.as_pem(private=False), signed.encode(), sha256)
            return f"{signed}.{urlsafe_b64encode(made).decode().rstrip('=')}"
        return jwt.encode(header, claims, self.key, algorithms=[self.algorithm])


def _coded(value: Any) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _basic(request: Request) -> tuple[str, str]:
    """Name and secret of the client, as RFC 6749, 2.3.1 has them."""
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind != "Basic":
        return "", ""
    name, _, secret = b64decode(given).decode().partition(":")
    return unquote(name), unquote(secret)
