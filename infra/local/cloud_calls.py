"""What a request to the local AWS asks for: the record of calls that tests read."""

from dataclasses import dataclass
from typing import Any

from moto.core.request import Request as MotoRequest
from moto.core.responses import BaseResponse

from infra.local.database import HOST, Request


@dataclass(frozen=True)
class Call:
    """One API call: who made it, and what of, in the names that IAM and the SDK use."""

    access_key_id: str
    service: str
    action: str
    parameters: dict[str, Any]


def call_of(access_key_id: str, service: str, request: Request) -> Call:
    """Read a request of any of AWS's protocols; where its operation is unknown, method and path stand for it."""
    headers = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
    url = f"http://{HOST}{request.path}"
    read = _Reader(service)
    read.setup_class(MotoRequest.from_primitives(request.method, url, headers, request.body), url, headers)
    action = read._get_action() or f"{request.method} {request.path}"
    return Call(access_key_id, service, action, dict(read.params))


class _Reader(BaseResponse):
    """moto's own reading of requests, which answers none."""

    def __init__(self, service: str) -> None:
        super().__init__(service_name=service)
        self.automated_parameter_parsing = True
        self.params: Any = {}
