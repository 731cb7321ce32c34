"""Upbit's refusals, told apart by `name`, which quotation calls give as a number (REST API guide, error table)."""

from dataclasses import replace
from typing import Any

from infra.simulator.wire import Reply, html_reply, json_reply


class UpbitError(Exception):
    def __init__(self, status: int, name: str | int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.name = name
        self.message = message

    def reply(self) -> Reply:
        return json_reply(self.status, {"error": {"name": self.name, "message": self.message}})


def invalid(message: str) -> UpbitError:
    return UpbitError(400, "validation_error", message)


def no_order() -> UpbitError:
    return UpbitError(404, "order_not_found", "주문을 찾지 못했습니다.")


def no_market() -> UpbitError:
    return UpbitError(404, 404, "Code not found")


_NAMES = {
    "jwt_verification": (401, "Jwt 토큰 검증에 실패했습니다."),
    "invalid_access_key": (401, "잘못된 엑세스 키입니다."),
    "invalid_query_payload": (401, "Jwt의 query를 검증하는데 실패하였습니다."),
    "nonce_used": (401, "이미 사용된 nonce 입니다."),
    "expired_access_key": (401, "만료된 API 키입니다."),
    "no_authorization_ip": (401, "인증되지 않은 IP입니다."),
    "out_of_scope": (403, "권한이 부족합니다."),
}


def denied(name: str) -> UpbitError:
    """One of the names above that concern who is asking."""
    status, message = _NAMES.get(name, _NAMES["invalid_access_key"])
    return UpbitError(status, name, message)


_FAILURES = {
    "unknown": UpbitError(500, "server_error", "알 수 없는 에러가 발생했습니다.").reply(),
    "internal": html_reply(500, "500 Internal Server Error"),
    "bad_gateway": html_reply(502, "502"),
    "gateway_timeout": html_reply(504, "504 Gateway Time-out"),
    "maintenance": html_reply(503, "503 Service Temporarily Unavailable"),
    "market_offline": UpbitError(400, "market_offline", "현재 점검중인 마켓입니다.").reply(),
}


VARIANTS = frozenset(_FAILURES)


def failure(variant: str) -> Reply:
    found = _FAILURES.get(variant, _FAILURES["unknown"])
    return replace(found, headers=dict(found.headers))


def too_many(*, quotation: bool) -> Reply:
    name: Any = 429 if quotation else "too_many_requests"
    return UpbitError(429, name, "Too many API requests.").reply()


def blocked(until_in_s: int) -> Reply:
    return UpbitError(418, "too_many_requests", f"blocked for {until_in_s} seconds").reply()
