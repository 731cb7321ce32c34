"""The wire between the store and its database: what went over it, and faults on command.

A fault is a function that gets the request. It returns an answer instead of the database's, raises as a broken
connection does, or returns None to let the request through.
"""

import io
import json
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

Fault = Callable[[AWSPreparedRequest], AWSResponse | None]


@dataclass(frozen=True)
class Request:
    """One request as it was sent."""

    operation: str
    body: dict[str, Any]


class Wire:
    """Listens to a botocore client; `faults` of an operation are used up one by one, then `always` applies."""

    def __init__(self, client: Any) -> None:
        self.requests: list[Request] = []
        self.faults: defaultdict[str, list[Fault | None]] = defaultdict(list)
        self.always: dict[str, Fault] = {}
        self.forgets_tokens = False
        self._client = client
        self._lock = threading.Lock()

    def __enter__(self) -> "Wire":
        self._client.meta.events.register_first("before-send.dynamodb", self._on_send, unique_id="wire")
        return self

    def __exit__(self, *_: object) -> None:
        self._client.meta.events.unregister("before-send.dynamodb", unique_id="wire")

    @property
    def operations(self) -> list[str]:
        """The requests' names, in the order in which they were sent."""
        return [request.operation for request in self.requests]

    def tokens(self) -> list[str]:
        """The ClientRequestToken of each transaction."""
        return [request.body["ClientRequestToken"] for request in self.requests if "Transact" in request.operation]

    def lose_answer(self, meanwhile: Callable[[], object] | None = None) -> Fault:
        """The request takes effect, then (after `meanwhile`) the connection times out."""

        def fault(request: AWSPreparedRequest) -> AWSResponse | None:
            answer = self._client._endpoint.http_session.send(request)
            assert answer.status_code == 200, answer.text
            if meanwhile is not None:
                meanwhile()
            raise ReadTimeoutError(endpoint_url=request.url)

        return fault

    def send_instead(self, request: AWSPreparedRequest, body: str) -> dict[str, Any]:
        """The database's answer to another body."""
        other = request.headers.copy()
        del other["Content-Length"]
        sent = AWSPreparedRequest(request.method, request.url, other, body.encode(), False)
        content: dict[str, Any] = json.loads(self._client._endpoint.http_session.send(sent).text)
        return content

    def _on_send(self, request: AWSPreparedRequest, event_name: str, **_: object) -> AWSResponse | None:
        operation = event_name.rpartition(".")[2]
        body = json.loads(request.body)
        with self._lock:
            self.requests.append(Request(operation, body))
            script = self.faults[operation]
            fault = script.pop(0) if script else self.always.get(operation)
        token = body.get("ClientRequestToken")
        if token and self.forgets_tokens:
            named = b'"ClientRequestToken": "%s"'
            assert named % token.encode() in request.body
            request.body = request.body.replace(named % token.encode(), named % uuid.uuid4().hex.encode())
        return fault(request) if fault else None


def error(code: str, status: int = 400, **more: Any) -> Fault:
    """DynamoDB's answer with that error; nothing is carried out."""
    content = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": f"{code}, says the test", **more}
    return answer(status, json.dumps(content))


def answer(status: int, content: str) -> Fault:
    """Any answer instead of the database's."""

    def fault(request: AWSPreparedRequest) -> AWSResponse:
        headers = {"x-amzn-requestid": "TEST", "Content-Type": "application/x-amz-json-1.0"}
        return AWSResponse(request.url, status, headers, _Body(content.encode()))

    return fault


def cancelled(*reasons: str) -> Fault:
    """A transaction cancelled for these reasons, one for each of its items."""
    return error("TransactionCanceledException", CancellationReasons=[{"Code": reason} for reason in reasons])


def refuse_connection(request: AWSPreparedRequest) -> None:
    """Nobody listens there."""
    raise EndpointConnectionError(endpoint_url=request.url)


def time_out(request: AWSPreparedRequest) -> None:
    """The request never arrived, and nobody says so."""
    raise ReadTimeoutError(endpoint_url=request.url)


class _Body(io.BytesIO):
    def stream(self) -> Iterator[bytes]:
        yield self.read()
