"""What becomes of stream records that were given up: a message in a queue, in AWS's own form, and a line in the log."""

import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.local.stream_delivery import Discarded
from infra.local.stream_records import created, sequence_number

logger = logging.getLogger("chalicelib.local")


class DeadLetters:
    """Tells a mapping's queue of each batch that was given up; `sqs` is boto3's client, None where there is none."""

    def __init__(self, sqs: Any | None, clock: Callable[[], float] = time.time) -> None:
        self._sqs = sqs
        self._clock = clock

    def report(self, discarded: Discarded) -> None:
        """Send the message and log one line that names the orders: the message itself says only where they are."""
        keys = [record["dynamodb"].get("Keys") for record in discarded.records]
        facts: dict[str, Any] = {"function": discarded.mapping.name, "keys": keys}
        try:
            facts["queue"] = self._send(discarded)
        except (BotoCoreError, ClientError) as error:
            facts["not_queued"] = str(error)
        logger.error("stream records were given up: %s", discarded.condition, extra=facts)

    def _send(self, discarded: Discarded) -> str | None:
        if self._sqs is None:
            return None
        url = str(self._sqs.get_queue_url(QueueName=discarded.mapping.on_failure)["QueueUrl"])
        self._sqs.send_message(QueueUrl=url, MessageBody=json.dumps(dead_letter(discarded, self._clock())))
        return url


def dead_letter(discarded: Discarded, now: float) -> dict[str, Any]:
    """The message that Lambda sends to an on-failure destination: no records, but where they lie in the stream."""
    first, last = discarded.records[0], discarded.records[-1]
    error = {"functionError": "Unhandled"} if discarded.raised else {}
    return {
        "requestContext": {
            "requestId": discarded.context.aws_request_id,
            "functionArn": discarded.context.invoked_function_arn,
            "condition": discarded.condition,
            "approximateInvokeCount": discarded.invocations,
        },
        "responseContext": {"statusCode": 200, "executedVersion": discarded.context.function_version, **error},
        "version": "1.0",
        "timestamp": _time(now, "milliseconds"),
        "DDBStreamBatchInfo": {
            "shardId": discarded.shard_id,
            "startSequenceNumber": sequence_number(first),
            "endSequenceNumber": sequence_number(last),
            "approximateArrivalOfFirstRecord": _time(created(first), "seconds"),
            "approximateArrivalOfLastRecord": _time(created(last), "seconds"),
            "batchSize": len(discarded.records),
            "streamArn": first["eventSourceARN"],
        },
    }


def _time(seconds: float, precision: str) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec=precision).replace("+00:00", "Z")
