"""The shards of a DynamoDB stream: the order in which they are read, and how far each has been."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import ClientError

from infra.local.stream_records import Record, lambda_record

_RELIST_SECONDS = 5.0  # a closed shard's children may appear after its end has been read
_READ_LIMIT = 1000


class StreamsClient(Protocol):
    """What is used of boto3's `dynamodbstreams` client."""

    meta: Any

    def describe_stream(self, **kwargs: Any) -> Any: ...

    def get_shard_iterator(self, **kwargs: Any) -> Any: ...

    def get_records(self, **kwargs: Any) -> Any: ...


@dataclass
class Shard:
    shard_id: str
    parent_id: str | None
    start: str
    iterator: str | None = None
    last_sequence_number: str | None = None
    finished: bool = False

    def delivered(self, sequence_number: str) -> None:
        self.last_sequence_number = sequence_number
        self.iterator = None  # a failure from here on re-reads from this point


class Shards:
    """The shards of a stream, parents before children, and how far each has been read."""

    def __init__(
        self, client: StreamsClient, stream_arn: str, starting_position: str, clock: Callable[[], float]
    ) -> None:
        self._client = client
        self._arn = stream_arn
        self._start = starting_position
        self._clock = clock
        self._known: dict[str, Shard] = {}
        self._list_at = float("-inf")

    def readable(self) -> list[Shard]:
        if self._clock() >= self._list_at:
            self._known = {found["ShardId"]: self._shard(found) for found in self._listed()}
            self._start = "TRIM_HORIZON"  # whatever appears later is read from its beginning
            self._list_at = self._clock() + _RELIST_SECONDS
        return [shard for shard in self._known.values() if not shard.finished and self._parent_is_read(shard)]

    def read(self, shard: Shard) -> tuple[list[Record], str | None]:
        """The next records in Lambda's form and the iterator behind them; None at the end of the shard."""
        iterator, shard.iterator = shard.iterator or self._iterator(shard), None
        try:
            answer = self._client.get_records(ShardIterator=iterator, Limit=_READ_LIMIT)
        except ClientError as e:
            code = e.response["Error"]["Code"]
            if code == "TrimmedDataAccessException":
                shard.last_sequence_number = None  # older than the stream remembers: go on with what is left
            elif code != "ExpiredIteratorException":
                raise
            return [], self._iterator(shard)
        region = self._client.meta.region_name
        records = [lambda_record(record, self._arn, region) for record in answer["Records"]]
        return records, answer.get("NextShardIterator")

    def advance(self, shard: Shard, iterator: str | None) -> None:
        shard.iterator = iterator
        if iterator is None:
            shard.finished = True
            self._list_at = float("-inf")

    def _listed(self) -> Iterator[dict[str, Any]]:
        page: dict[str, str] = {}
        while True:
            stream = self._client.describe_stream(StreamArn=self._arn, **page)["StreamDescription"]
            yield from stream["Shards"]
            if not stream.get("LastEvaluatedShardId"):
                return
            page = {"ExclusiveStartShardId": stream["LastEvaluatedShardId"]}

    def _shard(self, found: dict[str, Any]) -> Shard:
        known = self._known.get(found["ShardId"])
        return known or Shard(found["ShardId"], found.get("ParentShardId"), self._start)

    def _parent_is_read(self, shard: Shard) -> bool:
        parent = self._known.get(shard.parent_id or "")
        return parent is None or parent.finished

    def _iterator(self, shard: Shard) -> str:
        position = {"ShardIteratorType": shard.start}
        if shard.last_sequence_number is not None:
            position = {
                "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                "SequenceNumber": shard.last_sequence_number,
            }
        answer = self._client.get_shard_iterator(StreamArn=self._arn, ShardId=shard.shard_id, **position)
        return str(answer["ShardIterator"])
