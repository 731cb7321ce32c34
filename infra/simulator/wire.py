"""HTTP messages as the exchange modules see them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HTML = "text/html"
JSON = "application/json;charset=UTF-8"


@dataclass(frozen=True)
class Request:
    """`query` and `body` are the bytes as sent: signatures are over them."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes = b""
    peer: str = "127.0.0.1"

    def header(self, name: str) -> str:
        return self.headers.get(name.lower(), "")


@dataclass
class Reply:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = JSON


def json_reply(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Reply:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return Reply(status, body, dict(headers or {}))


def html_reply(status: int, title: str) -> Reply:
    return Reply(status, f"<html><head><title>{title}</title></head><body>{title}</body></html>".encode(), {}, HTML)
