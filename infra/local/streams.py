"""Feeds a DynamoDB stream to Lambda handlers on this machine, as Lambda's event source mappings would."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping

from botocore.exceptions import BotoCoreError, ClientError

from infra.event_sources import EventSourceMapping
from infra.local.event_patterns import matches
from infra.local.stream_delivery import Delivery, Handler, OnDiscard, backoff
from infra.local.stream_records import Record, sequence_number
from infra.local.stream_shards import Shards, StreamsClient

POLL_SECONDS = (0.05, 0.05, 0.1, 0.25)
"""Between two looks at a stream, by how many have found nothing: Lambda's pollers look four times a second."""

_LONGEST_OUTAGE_WAIT = 1.0

logger = logging.getLogger(__name__)


class StreamRunner:
    """One thread per mapping; each reads the whole stream on its own, as Lambda's pollers do.

    `on_discard` gets what is given up. `sleep` and `clock` (Unix time) are for tests; by default waiting ends at
    once when `stop` is called.
    """

    def __init__(
        self,
        stream_arn: str,
        handlers: Mapping[EventSourceMapping, Handler],
        client: StreamsClient,
        on_discard: OnDiscard,
        *,
        timeout_seconds: float = 60,
        sleep: Callable[[float], object] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        wait = sleep or self._stopping.wait
        self.pollers = [
            MappingPoller(
                Shards(client, stream_arn, mapping.starting_position, clock),
                Delivery(mapping, handler, on_discard, timeout_seconds, wait, clock, self._stopping),
            )
            for mapping, handler in handlers.items()
        ]
        self._wait = wait

    def start(self) -> None:
        for poller in self.pollers:
            name = f"stream-{poller.name}"
            thread = threading.Thread(target=self._run, args=(poller,), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self, wait_seconds: float = 5.0) -> bool:
        """Waits for the batches in hand, no longer than that; False if one is still running."""
        self._stopping.set()
        deadline = time.monotonic() + wait_seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self, poller: "MappingPoller") -> None:
        while not self._stopping.is_set():
            self._wait(poller.step())


class MappingPoller:
    """Moves one mapping through the stream; `step` never raises."""

    def __init__(self, shards: Shards, delivery: Delivery) -> None:
        self.name = delivery.mapping.name
        self._shards = shards
        self._delivery = delivery
        self._pattern = json.loads(delivery.mapping.filter)
        self._failed_polls = 0
        self._empty_polls = 0

    def step(self) -> float:
        """Reads and delivers what there is; returns the seconds to wait before the next step."""
        try:
            busy = self._poll()
        except Exception as e:
            if self._failed_polls == 0:
                bug = not isinstance(e, BotoCoreError | ClientError | OSError)
                logger.warning("%s: cannot read the stream, retrying: %s", self.name, e, exc_info=bug)
            self._failed_polls += 1
            return backoff(self._failed_polls, _LONGEST_OUTAGE_WAIT)
        if self._failed_polls:
            logger.warning("%s: reads the stream again, after %d failures", self.name, self._failed_polls)
            self._failed_polls = 0
        self._empty_polls = 0 if busy else self._empty_polls + 1
        return 0.0 if busy else POLL_SECONDS[min(self._empty_polls, len(POLL_SECONDS)) - 1]

    def _poll(self) -> bool:
        busy = False
        for shard in self._shards.readable():
            records, following = self._shards.read(shard)
            busy = busy or bool(records)
            for batch in self._batches(records):
                if not self._delivery.deliver(shard.shard_id, batch):
                    return False
                shard.delivered(sequence_number(batch[-1]))
            if records:
                shard.delivered(sequence_number(records[-1]))
            self._shards.advance(shard, following)
        return busy

    def _batches(self, records: list[Record]) -> Iterator[list[Record]]:
        wanted = [record for record in records if matches(self._pattern, record)]
        size = self._delivery.mapping.batch_size
        for start in range(0, len(wanted), size):
            yield wanted[start : start + size]
