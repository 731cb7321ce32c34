"""The stub of DynamoDB with the few rows that a cold function reads, and Secrets Manager with its accounts' keys.

`python -m tests.benchmarks.packaged_stub` takes them as one line of JSON, prints its port, and serves until its
standard input ends. `items` of each table by its name; `keys`: what each table's key is; `secrets` by their names.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from typing import Any

from tests.benchmarks.dynamodb_stub import Stub

_READS = ("GetItem", "BatchGetItem", "GetSecretValue")


class StubWithRows(Stub):
    """Answers reads with what it was given; writes succeed and change nothing."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        super().__init__()
        self._known = known
        self._asked = b""

    def data_received(self, data: bytes) -> None:
        """One request at a time: what is complete is the one that is answered next."""
        self._asked = (self._buffer + data).partition(b"\r\n\r\n")[2]
        super().data_received(data)

    def _answer(self, target: bytes) -> None:
        operation = target.decode().rpartition(".")[2]
        if operation not in _READS:
            super()._answer(target)
            return
        content = json.dumps(self._found(operation, json.loads(self._asked))).encode()
        assert self._transport is not None
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: %d\r\n\r\n%b"
            % (len(content), content)
        )

    def _found(self, operation: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        match operation:
            case "GetSecretValue":
                name = asked["SecretId"]
                return {"Name": name, "SecretString": self._known["secrets"][name]}
            case "GetItem":
                found = self._items(asked["TableName"], [asked["Key"]])
                return {"Item": found[0]} if found else {}
            case _:
                wanted = asked["RequestItems"]
                return {"Responses": {table: self._items(table, part["Keys"]) for table, part in wanted.items()}}

    def _items(self, table: str, keys: list[Any]) -> list[Any]:
        names = self._known["keys"][table]
        return [item for item in self._known["items"][table] if {name: item[name] for name in names} in keys]


async def main() -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    known = json.loads(sys.stdin.readline())
    server = await loop.create_server(lambda: StubWithRows(known), "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
