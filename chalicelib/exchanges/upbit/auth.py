"""Signs Upbit's requests: a JWT over the SHA-512 of the query (docs.upbit.com, authentication)."""

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Callable, Generator
from urllib.parse import unquote

import httpx

from chalicelib.domain.secrets import Credentials

Nonce = Callable[[], str]


def fresh_nonce() -> str:
    """Upbit refuses one that it has seen: `nonce_used`."""
    return str(uuid.uuid4())


class UpbitAuth(httpx.Auth):
    """HS256 as the official SDK signs; the secret is used raw. The token has no time: it never expires (R12)."""

    requires_request_body = True

    def __init__(self, credentials: Credentials, nonce: Nonce = fresh_nonce) -> None:
        self._credentials = credentials
        self._nonce = nonce

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        claims = {"access_key": self._credentials.api_key, "nonce": self._nonce()}
        hashed = _hashed_text(request)
        if hashed:
            claims["query_hash"] = hashlib.sha512(hashed.encode()).hexdigest()
            claims["query_hash_alg"] = "SHA512"
        request.headers["Authorization"] = f"Bearer {self._token(claims)}"
        yield request

    def _token(self, claims: dict[str, str]) -> str:
        head = _base64url(_compact({"alg": "HS256", "typ": "JWT"}))
        signed = f"{head}.{_base64url(_compact(claims))}"
        digest = hmac.new(self._credentials.api_secret.encode(), signed.encode(), hashlib.sha256).digest()
        return f"{signed}.{_base64url(digest)}"


def _hashed_text(request: httpx.Request) -> str:
    """The un-encoded query in the order sent; of a JSON body `k=v&k=v` in the order of its keys."""
    if request.content:
        body = json.loads(request.content)
        return "&".join(f"{name}={value}" for name, value in body.items())
    return unquote(request.url.query.decode().replace("+", " "))


def _compact(value: dict[str, str]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
