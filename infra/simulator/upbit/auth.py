"""Who sent an Upbit request: a JWT (HS256 as in the official SDK, HS512 as in the Korean documents).

`query_hash` is the SHA-512 of the un-encoded query, or of the JSON body as k=v&k=v in the order of its keys; the secret
is used raw; a nonce serves once. The token has no time in it.
"""

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import unquote

from infra.simulator.upbit.errors import denied
from infra.simulator.wire import Request
from infra.simulator.world import Call

_HASHES = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}


def claims_in(request: Request) -> dict[str, Any]:
    """Unverified; empty when there is no readable token."""
    try:
        return dict(_decoded(_token(request).split(".")[1]))
    except (ValueError, IndexError):
        return {}


def authenticate(call: Call) -> None:
    """Find the account, or raise."""
    claims = claims_in(call.request)
    credential = call.world.credentials.get(("upbit", call.key))
    if not claims:
        raise denied("jwt_verification")
    if credential is None:
        raise denied("invalid_access_key")
    if not _signed_by(_token(call.request), credential.secret):
        raise denied("jwt_verification")
    if credential.denial is not None:
        raise denied(credential.denial)
    _check_hash(call, claims)
    nonce = str(claims.get("nonce") or "")
    if not nonce:
        raise denied("jwt_verification")
    if nonce in credential.account.nonces:
        raise denied("nonce_used")
    credential.account.nonces.add(nonce)
    call.credential = credential


def _token(request: Request) -> str:
    scheme, _, token = request.header("Authorization").partition(" ")
    return token.strip() if scheme == "Bearer" else ""


def _decoded(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def _signed_by(token: str, secret: str) -> bool:
    head, _, signature = token.rpartition(".")
    try:
        algorithm = _HASHES[_decoded(head.split(".")[0])["alg"]]
        sent = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    except (ValueError, KeyError, TypeError):
        return False
    return hmac.compare_digest(sent, hmac.new(secret.encode(), head.encode(), algorithm).digest())


def _check_hash(call: Call, claims: dict[str, Any]) -> None:
    text = hashed_text(call)
    if not text and "query_hash" not in claims:
        return
    expected = hashlib.sha512(text.encode()).hexdigest()
    if claims.get("query_hash_alg", "SHA512") != "SHA512" or claims.get("query_hash") != expected:
        raise denied("invalid_query_payload")


def hashed_text(call: Call) -> str:
    if call.request.method == "POST":
        return "&".join(_pair(name, value) for name, value in call.params.items())
    return unquote(call.request.query)


def _pair(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "&".join(f"{name}[]={item}" for item in value)
    if value is None or isinstance(value, bool):
        return f"{name}={json.dumps(value)}"
    return f"{name}={value}"
