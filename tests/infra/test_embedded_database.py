"""The embedded database over real HTTP: transactions, streams, queries, its command, why moto is wrapped."""

import http.client
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.core.serialize import XFormedAttributePicker
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.dynamodbstreams.models import dynamodbstreams_backends
from moto.server import ThreadedMotoServer

from infra.local import moto_safety
from infra.local.database import Database, serve

ACCOUNT, REGION = "123456789012", "us-east-1"
STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
IF_NEW = "attribute_not_exists(id)"
IF_THERE = "attribute_exists(id)"


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with serve() as running:
        yield running


@pytest.fixture
def dynamodb(database: Database) -> Any:
    """A client of an empty database with a plain table `rows` and one with sort key and index, `lists`."""
    database.reset()
    client = _client(database.url, "dynamodb")
    client.create_table(
        TableName="rows",
        KeySchema=_keys("id"),
        AttributeDefinitions=_attributes(id="S"),
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification=STREAM,
    )
    index = {
        "IndexName": "by_group",
        "KeySchema": _keys("group", "n"),
        "Projection": {"ProjectionType": "ALL"},
    }
    client.create_table(
        TableName="lists",
        KeySchema=_keys("list", "position"),
        AttributeDefinitions=_attributes(list="S", position="N", group="N", n="S"),
        GlobalSecondaryIndexes=[index],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


@pytest.fixture
def streams(database: Database) -> Any:
    return _client(database.url, "dynamodbstreams")


@pytest.fixture
def plain_moto() -> Iterator[None]:
    """The same server with moto's own functions back in place."""
    moto_safety.remove()
    yield
    moto_safety.install()


# --- Storms ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("storm", range(5))
def test_of_twenty_equal_transactions_at_once_one_wins_and_nothing_else_is_touched(dynamodb: Any, storm: int) -> None:
    """Exactly one winner, no row of a loser, and every unrelated put made meanwhile is kept."""
    start = threading.Barrier(40)

    def alert(number: int) -> str:
        start.wait()
        return _code(
            dynamodb.transact_write_items,
            TransactItems=[
                _put(f"log-{number}"),
                _put(f"order-{number}"),
                _put("alert", condition=IF_NEW),
            ],
        )

    def unrelated(number: int) -> str:
        start.wait()
        return _code(dynamodb.put_item, TableName="rows", Item=_row(f"unrelated-{number}"))

    with ThreadPoolExecutor(40) as pool:
        alerts = [pool.submit(alert, number) for number in range(20)]
        puts = [pool.submit(unrelated, number) for number in range(20)]
        answers = [one.result() for one in alerts]
        assert [one.result() for one in puts] == ["OK"] * 20

    winner = answers.index("OK")
    assert sorted(answers) == ["OK"] + ["TransactionCanceledException"] * 19
    expected = {"alert", f"log-{winner}", f"order-{winner}", *(f"unrelated-{n}" for n in range(20))}
    assert {item["id"]["S"] for item in dynamodb.scan(TableName="rows")["Items"]} == expected


def test_of_twenty_conditional_updates_at_once_one_wins(dynamodb: Any) -> None:
    """Two workers on one row: one gets it, the others are told so."""
    dynamodb.put_item(TableName="rows", Item=_row("row", owner={"S": "nobody"}))
    start = threading.Barrier(20)

    def claim(number: int) -> str:
        start.wait()
        update = _update("row", "SET #o = :me", "#o = :nobody", me={"S": str(number)}, nobody={"S": "nobody"})
        return _code(dynamodb.update_item, **update["Update"], ExpressionAttributeNames={"#o": "owner"})

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(claim, range(20)))

    assert answers.count("OK") == 1
    assert answers.count("ConditionalCheckFailedException") == 19
    assert _get(dynamodb, "row")["owner"] == {"S": str(answers.index("OK"))}


# --- Transactions ------------------------------------------------------------------------------------------


def test_a_cancelled_transaction_names_the_reason_of_each_item_in_order(dynamodb: Any) -> None:
    """`None` for what passed, the old item only where it was asked for."""
    dynamodb.put_item(TableName="rows", Item=_row("there", value={"S": "old"}))
    refused = _put("there", condition=IF_NEW)
    refused_with_item = {"ConditionCheck": {**_key("there"), "ConditionExpression": IF_NEW}}
    refused_with_item["ConditionCheck"]["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"

    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as refusal:
        dynamodb.transact_write_items(TransactItems=[_put("new"), refused, _put("other"), _delete("x", IF_THERE)])
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as refusal_with_item:
        dynamodb.transact_write_items(TransactItems=[refused_with_item])

    failed = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
    passed = {"Code": "None"}
    assert refusal.value.response["CancellationReasons"] == [passed, failed, passed, failed]
    assert "[None, ConditionalCheckFailed, None, ConditionalCheckFailed]" in str(refusal.value)
    assert refusal_with_item.value.response["CancellationReasons"] == [
        {**failed, "Item": _row("there", value={"S": "old"})}
    ]


@pytest.mark.parametrize(
    ("kind", "last", "code"),
    [
        ("ConditionCheck", {"ConditionExpression": IF_THERE}, "TransactionCanceledException"),
        ("Update", {"UpdateExpression": "SET value"}, "ValidationException"),
        ("Update", {"UpdateExpression": "SET v = :undefined"}, "ValidationException"),
        ("Update", {"UpdateExpression": "SET id = id"}, "ValidationException"),
        ("Put", {"Item": {"id": {"N": "1"}}}, "ValidationException"),
        ("Put", {"Item": {"v": {"N": "1"}}}, "ValidationException"),
        ("Delete", {"Key": {"id": {"S": "deleted"}}}, "ValidationException"),
        ("Put", {"TableName": "nowhere", "Item": {"id": {"S": "x"}}}, "ResourceNotFoundException"),
    ],
    ids=["condition", "syntax", "value", "changed key", "key type", "no key", "same item twice", "no table"],
)
def test_a_transaction_that_fails_in_its_last_item_leaves_everything_as_it_was(
    dynamodb: Any, streams: Any, kind: str, last: dict[str, Any], code: str
) -> None:
    """A put, an update and a delete come first and pass; none of them happens, and the stream is silent."""
    for name in ("changed", "deleted"):
        dynamodb.put_item(TableName="rows", Item=_row(name, v={"N": "1"}))
    before = dynamodb.scan(TableName="rows")["Items"]
    iterator = _latest(dynamodb, streams)
    last = {"TableName": "rows", **({} if kind == "Put" else {"Key": {"id": {"S": "last"}}}), **last}
    first = [_put("new"), _update("changed", "SET v = :two", two={"N": "2"}), _delete("deleted")]

    answer = _code(dynamodb.transact_write_items, TransactItems=[*first, {kind: last}])

    assert answer == code
    assert dynamodb.scan(TableName="rows")["Items"] == before
    assert streams.get_records(ShardIterator=iterator)["Records"] == []


def test_a_transaction_of_every_kind_is_written_as_a_whole(dynamodb: Any, streams: Any) -> None:
    """Put, update, delete, delete of nothing and a check: a stream record for each real change, in order."""
    dynamodb.put_item(TableName="rows", Item=_row("changed", v={"N": "1"}))
    dynamodb.put_item(TableName="rows", Item=_row("deleted"))
    iterator = _latest(dynamodb, streams)
    in_list = {"TableName": "lists", "Item": {"list": {"S": "a"}, "position": {"N": "1"}}}

    dynamodb.transact_write_items(
        TransactItems=[
            _put("new", condition=IF_NEW),
            _update("changed", "ADD v :one", one={"N": "1"}),
            _delete("deleted"),
            _delete("never there"),
            _update("created", "SET v = :one", one={"N": "1"}),
            {"Put": in_list},
            {"ConditionCheck": {**_key("checked"), "ConditionExpression": IF_NEW}},
        ]
    )

    kept = {item["id"]["S"]: item.get("v") for item in dynamodb.scan(TableName="rows")["Items"]}
    assert kept == {"new": None, "changed": {"N": "2"}, "created": {"N": "1"}}
    assert dynamodb.scan(TableName="lists")["Items"] == [in_list["Item"]]
    assert _seen(streams, iterator) == [
        ("INSERT", None, _row("new")),
        ("MODIFY", _row("changed", v={"N": "1"}), _row("changed", v={"N": "2"})),
        ("REMOVE", _row("deleted"), None),
        ("INSERT", None, _row("created", v={"N": "1"})),
    ]


def test_a_transaction_takes_a_hundred_items_and_no_more(dynamodb: Any) -> None:
    """DynamoDB's limit, for writing and for reading."""
    items = [_put(str(number)) for number in range(101)]

    assert _code(dynamodb.transact_write_items, TransactItems=items) == "ValidationException"
    assert _code(dynamodb.transact_write_items, TransactItems=items[:100]) == "OK"
    reads = [{"Get": _key(str(number))} for number in range(100)]
    assert len(dynamodb.transact_get_items(TransactItems=reads)["Responses"]) == 100


# --- ClientRequestToken ------------------------------------------------------------------------------------


def test_a_repeated_transaction_with_the_same_token_succeeds_and_writes_nothing(dynamodb: Any) -> None:
    """What an SDK does whose first answer was lost."""
    request = {"TransactItems": [_put("new", condition=IF_NEW), _count()], "ClientRequestToken": "t"}

    answers = [_code(dynamodb.transact_write_items, **request) for _ in range(3)]

    assert answers == ["OK"] * 3
    assert _get(dynamodb, "counter")["v"] == {"N": "1"}


def test_a_token_with_other_parameters_is_refused(dynamodb: Any) -> None:
    """Nothing of the second request is written."""
    dynamodb.transact_write_items(TransactItems=[_put("a")], ClientRequestToken="t")

    answer = _code(dynamodb.transact_write_items, TransactItems=[_put("b")], ClientRequestToken="t")

    assert answer == "IdempotentParameterMismatchException"
    assert _get(dynamodb, "b") is None


def test_a_token_of_a_cancelled_transaction_is_free_again(dynamodb: Any) -> None:
    """It wrote nothing, so a retry after the obstacle is gone is the first write."""
    request = {"TransactItems": [_put("row", condition=IF_NEW)], "ClientRequestToken": "t"}
    dynamodb.put_item(TableName="rows", Item=_row("row"))
    refused = _code(dynamodb.transact_write_items, **request)
    dynamodb.delete_item(**_key("row"))

    answer = _code(dynamodb.transact_write_items, **request)

    assert (refused, answer) == ("TransactionCanceledException", "OK")
    assert _get(dynamodb, "row") == _row("row")


def test_a_token_is_forgotten_when_its_time_is_over(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """After ten minutes the same token is a new request."""
    dynamodb.transact_write_items(TransactItems=[_count()], ClientRequestToken="t")
    monkeypatch.setattr(moto_safety, "TOKEN_VALID_SECONDS", 0.0)

    dynamodb.transact_write_items(TransactItems=[_count()], ClientRequestToken="t")

    assert _get(dynamodb, "counter")["v"] == {"N": "2"}


# --- Streams and updates -----------------------------------------------------------------------------------


def test_an_iterator_held_across_a_failed_transaction_sees_exactly_the_real_records(
    dynamodb: Any, streams: Any
) -> None:
    """Nothing of the failed one, everything before and after it, with ascending sequence numbers."""
    iterator = _latest(dynamodb, streams)
    refused = [_put("ghost"), _put("before", condition=IF_NEW)]

    dynamodb.put_item(TableName="rows", Item=_row("before"))
    assert _code(dynamodb.transact_write_items, TransactItems=refused) == "TransactionCanceledException"
    dynamodb.put_item(TableName="rows", Item=_row("after"))
    dynamodb.transact_write_items(TransactItems=[_put("last")])

    records = streams.get_records(ShardIterator=iterator)["Records"]
    numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in records]
    assert [record["dynamodb"]["Keys"]["id"]["S"] for record in records] == ["before", "after", "last"]
    assert numbers == sorted(set(numbers))


def test_an_update_that_creates_its_item_is_one_insert(dynamodb: Any, streams: Any) -> None:
    """A stream handler must never see a row that has a key and nothing else."""
    iterator = _latest(dynamodb, streams)

    dynamodb.update_item(**_update("new", "SET v = :one", one={"N": "1"})["Update"])

    assert _seen(streams, iterator) == [("INSERT", None, _row("new", v={"N": "1"}))]


def test_an_update_that_fails_half_way_changes_nothing(dynamodb: Any) -> None:
    """Its SET is fine, its ADD is not."""
    dynamodb.put_item(TableName="rows", Item=_row("row", text={"S": "x"}))
    update = _update("row", "SET a = :one ADD #t :one", one={"N": "1"})["Update"]

    answer = _code(dynamodb.update_item, **update, ExpressionAttributeNames={"#t": "text"})

    assert answer == "ValidationException"
    assert _get(dynamodb, "row") == _row("row", text={"S": "x"})


def test_an_iterator_that_is_too_old_is_refused_as_expired(
    dynamodb: Any, streams: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the newest iterators are kept, as a poller makes a new one with every call."""
    monkeypatch.setattr(moto_safety, "KEPT_SHARD_ITERATORS", 3)
    first = newest = _latest(dynamodb, streams)

    for _ in range(5):
        newest = streams.get_records(ShardIterator=newest)["NextShardIterator"]

    assert _code(streams.get_records, ShardIterator=first) == "ExpiredIteratorException"
    assert _code(streams.get_records, ShardIterator=newest) == "OK"


# --- Answers are moto's own --------------------------------------------------------------------------------

VALUES = {":a": "a", ":none": "none", ":two": 2, ":from": "n-05", ":to": "n-30", ":start": "n-1"}


@pytest.mark.parametrize(
    ("index", "condition", "condition_after"),
    [
        (None, "#l = :a", None),
        (None, "#l = :a AND #p > :two", None),
        (None, "#l = :none", None),
        ("by_group", "#g = :two", None),
        ("by_group", "#g = :two AND n BETWEEN :from AND :to", None),
        ("by_group", "#g = :two AND begins_with(n, :start)", None),
        ("by_group", "#g = :two", "n <> :from"),
    ],
)
@pytest.mark.parametrize("paging", [{}, {"Limit": 3}, {"Limit": 3, "ScanIndexForward": False}], ids=str)
def test_a_query_answers_what_moto_answers(
    dynamodb: Any,
    index: str | None,
    condition: str,
    condition_after: str | None,
    paging: dict[str, Any],
    request: pytest.FixtureRequest,
) -> None:
    """Over all pages, with and without the wraps, for table and index, numbers and strings."""
    for number in range(40):
        group = {"group": {"N": f"{number % 3}.0"}} if number % 4 else {}
        key = {"list": {"S": "abc"[number % 3]}, "position": {"N": str(number)}}
        dynamodb.put_item(TableName="lists", Item={**key, **group, "n": {"S": f"n-{number * 7 % 40:02}"}})
    query = _query_of("lists", index, condition, condition_after)

    wrapped = list(dynamodb.get_paginator("query").paginate(**query, **paging).search("Items[]"))
    request.getfixturevalue("plain_moto")
    plain = list(dynamodb.get_paginator("query").paginate(**query, **paging).search("Items[]"))

    assert wrapped == plain
    assert bool(wrapped) is (":none" not in condition)


def test_items_of_every_type_come_back_as_they_were_put(dynamodb: Any) -> None:
    """Through every action that returns items or old and new attributes."""
    plain: dict[str, Any] = {"n": {"N": "1.50"}, "null": {"NULL": True}, "t": {"BOOL": False}}
    binary: dict[str, Any] = {"b": {"B": b"\x00\xff"}, "bs": {"BS": [b"a", b"b"]}, "ss": {"SS": ["a", "ö"]}}
    nested: dict[str, Any] = {"m": {"M": {"l": {"L": [{"N": "1"}, {"M": {"b": {"B": b"x"}}}]}}}}
    item = _row("row", **plain, **binary, **nested)
    touched = {**item, "z": {"N": "1"}}
    dynamodb.put_item(TableName="rows", Item=item)
    touch: dict[str, Any] = _update("row", "SET z = :one", one={"N": "1"})["Update"]
    asked = {":row": {"S": "row"}}

    batch = dynamodb.batch_get_item(RequestItems={"rows": {"Keys": [{"id": {"S": "row"}}]}})
    found = dynamodb.query(TableName="rows", KeyConditionExpression="id=:row", ExpressionAttributeValues=asked)

    assert _get(dynamodb, "row") == item
    assert batch["Responses"]["rows"] == [item]
    assert dynamodb.transact_get_items(TransactItems=[{"Get": _key("row")}])["Responses"] == [{"Item": item}]
    assert found["Items"] == [item]
    assert dynamodb.put_item(TableName="rows", Item=item, ReturnValues="ALL_OLD")["Attributes"] == item
    assert dynamodb.update_item(**touch, ReturnValues="ALL_NEW")["Attributes"] == touched
    assert dynamodb.delete_item(**_key("row"), ReturnValues="ALL_OLD")["Attributes"] == touched


def test_an_item_over_the_size_limit_is_refused(dynamodb: Any) -> None:
    """400 KB, by put and by update."""
    big = {"S": "x" * 410_000}

    put = _code(dynamodb.put_item, TableName="rows", Item=_row("row", v=big))
    update = _code(dynamodb.update_item, **_update("row", "SET v = :v", v=big)["Update"])

    assert (put, update) == ("ValidationException", "ValidationException")
    assert _get(dynamodb, "row") is None


# --- The server and its command ----------------------------------------------------------------------------


def test_a_hundred_connections_at_once_are_answered_and_kept_open(database: Database) -> None:
    """Each sends two requests over its one connection."""
    start = threading.Barrier(100)

    def talk(_: int) -> list[int]:
        connection = http.client.HTTPConnection("127.0.0.1", database.port, timeout=30)
        start.wait()
        statuses = [_post(connection).status for _ in range(2)]
        connection.close()
        return statuses

    with ThreadPoolExecutor(100) as pool:
        statuses = list(pool.map(talk, range(100)))

    assert statuses == [[200, 200]] * 100


def test_web_pages_and_unknown_services_are_refused(database: Database) -> None:
    """A page in a browser on this machine must not read the secrets; the connection survives the refusal."""
    connection = http.client.HTTPConnection("127.0.0.1", database.port, timeout=30)

    page = _post(connection, Origin="http://example.com").status
    unknown = _post(connection, **{"X-Amz-Target": "AmazonSQS.ListQueues"}).status
    known = _post(connection).status
    connection.close()

    assert (page, unknown, known) == (403, 400, 200)


def test_secrets_are_kept_per_region_and_forgotten_by_reset(database: Database) -> None:
    """Secrets Manager is served beside DynamoDB, and reset empties both."""
    here, elsewhere = (_client(database.url, "secretsmanager", region) for region in (REGION, "eu-west-1"))
    here.create_secret(Name="key", SecretString="value")

    value = here.get_secret_value(SecretId="key")["SecretString"]
    other_region = _code(elsewhere.get_secret_value, SecretId="key")
    database.reset()
    after_reset = _code(here.get_secret_value, SecretId="key")

    assert (value, other_region, after_reset) == ("value", *["ResourceNotFoundException"] * 2)


def test_a_stopped_database_drops_the_connections_it_had() -> None:
    """A client of a killed database must notice, not talk on to a thread that is still there."""
    stopped = serve()
    connection = http.client.HTTPConnection("127.0.0.1", stopped.port, timeout=30)
    _post(connection)

    stopped.stop()

    assert connection.sock is not None
    assert connection.sock.recv(1) == b""
    connection.close()
    with pytest.raises(ConnectionRefusedError):
        _post(http.client.HTTPConnection("127.0.0.1", stopped.port, timeout=30))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_a_signal_ends_it_quietly(number: signal.Signals) -> None:
    """One line says where; then it answers; then it is gone with nothing on stderr."""
    with _command("--port", "0") as command:
        assert command.stdout is not None
        url = command.stdout.readline().removeprefix("database listening on ").strip()
        tables = _client(url, "dynamodb").list_tables()["TableNames"]
        command.send_signal(number)
        rest, errors = command.communicate(timeout=10)

    assert tables == []
    assert (command.returncode, rest, errors) == (0, "", "")


def test_the_command_ends_with_the_process_that_started_it() -> None:
    """The end of standard input is how it learns of that."""
    with _command("--port", "0", "--exit-with-parent") as command:
        assert command.stdout is not None
        assert command.stdout.readline().startswith("database listening on http://127.0.0.1:")
        _, errors = command.communicate(timeout=10)

    assert (command.returncode, errors) == (0, "")


def test_the_command_says_that_its_port_is_taken() -> None:
    """One line on stderr and exit code 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with _command("--port", port) as command:
            output, errors = command.communicate(timeout=10)

    assert (command.returncode, output) == (1, "")
    assert errors.startswith(f"database: cannot listen on 127.0.0.1:{port}: ")
    assert errors.count("\n") == 1


# --- What moto does without the wraps: a test that fails here says that its wrap can go ---------------------


@pytest.mark.usefixtures("plain_moto")
class TestPlainMoto:
    def test_lets_two_requests_in_at_once(self, dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """Both are inside a handler at the same time, or the barrier would break: the lock."""
        both = threading.Barrier(2, timeout=10)
        own = DynamoDBBackend.get_item

        def get_item(*arguments: Any) -> Item | None:
            both.wait()
            return own(*arguments)

        monkeypatch.setattr(DynamoDBBackend, "get_item", get_item)

        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda name: _get(dynamodb, name), ["a", "b"]))

        assert answers == [None, None]

    def test_streams_what_was_rolled_back_and_replaces_the_table(self, dynamodb: Any, streams: Any) -> None:
        """Transactions rehearsed on copies of their items."""
        iterator, table = _latest(dynamodb, streams), _table("rows")

        _code(dynamodb.transact_write_items, TransactItems=[_put("ghost"), _delete("x", IF_THERE)])

        assert [new for _, _, new in _seen(streams, iterator)] == [_row("ghost")]
        assert _table("rows") is not table

    def test_makes_two_inserts_of_an_update_that_creates(self, dynamodb: Any, streams: Any) -> None:
        """Updates rehearsed on a copy."""
        iterator = _latest(dynamodb, streams)

        dynamodb.update_item(**_update("new", "SET v = :one", one={"N": "1"})["Update"])

        assert [new for _, _, new in _seen(streams, iterator)] == [_row("new"), _row("new", v={"N": "1"})]

    def test_ignores_client_request_tokens(self, dynamodb: Any) -> None:
        """Tokens."""
        for _ in range(2):
            dynamodb.transact_write_items(TransactItems=[_count()], ClientRequestToken="t")

        assert _get(dynamodb, "counter")["v"] == {"N": "2"}

    def test_sorts_the_whole_table_for_a_query(self, dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """Queries over one partition, and sorting by plain values."""
        looked_at: list[int] = []
        own = Table.all_items

        def all_items(table: Table) -> list[Item]:
            looked_at.append(len(own(table)))
            return own(table)

        monkeypatch.setattr(Table, "all_items", all_items)
        for number in range(10):
            dynamodb.put_item(TableName="rows", Item=_row(str(number)))

        dynamodb.query(
            TableName="rows", KeyConditionExpression="id = :id", ExpressionAttributeValues={":id": {"S": "3"}}
        )

        assert looked_at == [10]

    def test_measures_an_item_again_for_every_attribute(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Items measured once."""
        size = Mock(return_value=1)
        monkeypatch.setattr(DynamoType, "size", size)

        Item(DynamoType({"S": "x"}), None, {str(number): {"S": "x"} for number in range(10)})

        assert size.call_count > 50

    def test_asks_a_model_about_every_attribute_of_an_answer(
        self, dynamodb: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Items written as JSON as they are."""
        dynamodb.put_item(TableName="rows", Item=_row("row", **{str(n): {"S": "x"} for n in range(9)}))
        asked = Mock(wraps=XFormedAttributePicker.get_possible_keys)
        monkeypatch.setattr(XFormedAttributePicker, "get_possible_keys", lambda *arguments: asked(*arguments))

        _get(dynamodb, "row")

        assert asked.call_count > 90

    def test_keeps_every_item_and_every_iterator(self, dynamodb: Any, streams: Any) -> None:
        """Items untracked, iterators dropped."""
        iterator, tracked = _latest(dynamodb, streams), vars(Item)["instances_tracked"]
        made = len(tracked)
        dynamodb.put_item(TableName="rows", Item=_row("row"))

        for _ in range(10):
            iterator = streams.get_records(ShardIterator=iterator)["NextShardIterator"]

        assert len(dynamodbstreams_backends[ACCOUNT][REGION].shard_iterators) == 11
        assert len(tracked) > made

    def test_closes_the_connection_after_every_answer(self) -> None:
        """A server of our own."""
        server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        server.start()
        connection = http.client.HTTPConnection(*server.get_host_and_port(), timeout=30)

        response = _post(connection)
        connection.close()
        server.stop()

        assert response.headers["Connection"] == "close"

    def test_reads_at_most_25_items_in_a_transaction(self, dynamodb: Any) -> None:
        """The limit of a hundred."""
        reads = [{"Get": _key(str(number))} for number in range(26)]

        assert _code(dynamodb.transact_get_items, TransactItems=reads) == "ValidationException"


# --- Words of these tests ----------------------------------------------------------------------------------


def _client(url: str, service: str, region: str = REGION) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(max_pool_connections=50, retries={"total_max_attempts": 1}),
    )


def _code(action: Callable[..., Any], **arguments: Any) -> str:
    try:
        action(**arguments)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "OK"


def _keys(hash_key: str, range_key: str | None = None) -> list[dict[str, str]]:
    names = [(hash_key, "HASH"), (range_key, "RANGE")]
    return [{"AttributeName": name, "KeyType": kind} for name, kind in names if name]


def _attributes(**types: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "AttributeType": kind} for name, kind in types.items()]


def _row(name: str, **attributes: dict[str, Any]) -> dict[str, Any]:
    return {"id": {"S": name}, **attributes}


def _key(name: str) -> dict[str, Any]:
    return {"TableName": "rows", "Key": {"id": {"S": name}}}


def _put(name: str, condition: str | None = None) -> dict[str, Any]:
    return {"Put": {"TableName": "rows", "Item": _row(name), **_if(condition)}}


def _delete(name: str, condition: str | None = None) -> dict[str, Any]:
    return {"Delete": {**_key(name), **_if(condition)}}


def _update(name: str, expression: str, condition: str | None = None, **values: dict[str, str]) -> dict[str, Any]:
    given = {"ExpressionAttributeValues": {f":{word}": value for word, value in values.items()}}
    return {"Update": {**_key(name), "UpdateExpression": expression, **_if(condition), **given}}


def _count() -> dict[str, Any]:
    return _update("counter", "ADD v :one", one={"N": "1"})


def _if(condition: str | None) -> dict[str, str]:
    return {"ConditionExpression": condition} if condition else {}


def _query_of(table: str, index: str | None, condition: str, condition_after: str | None) -> dict[str, Any]:
    text = f"{condition} {condition_after or ''}"
    names = {"#l": "list", "#p": "position", "#g": "group"}
    values = {word: {"N": str(v)} if word == ":two" else {"S": str(v)} for word, v in VALUES.items()}
    return {
        "TableName": table,
        **({"IndexName": index} if index else {}),
        "KeyConditionExpression": condition,
        **({"FilterExpression": condition_after} if condition_after else {}),
        "ExpressionAttributeNames": {word: name for word, name in names.items() if word in text},
        "ExpressionAttributeValues": {word: value for word, value in values.items() if word in text},
    }


def _get(dynamodb: Any, name: str) -> Any:
    return dynamodb.get_item(**_key(name)).get("Item")


def _table(name: str) -> Table:
    return dynamodb_backends[ACCOUNT][REGION].tables[name]


def _latest(dynamodb: Any, streams: Any) -> str:
    arn = dynamodb.describe_table(TableName="rows")["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    answer = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="LATEST")
    return str(answer["ShardIterator"])


def _seen(streams: Any, iterator: str) -> list[tuple[str, Any, Any]]:
    records = streams.get_records(ShardIterator=iterator)["Records"]
    return [(r["eventName"], r["dynamodb"].get("OldImage"), r["dynamodb"].get("NewImage")) for r in records]


def _post(connection: http.client.HTTPConnection, **headers: str) -> http.client.HTTPResponse:
    scope = f"test/20250101/{REGION}/dynamodb/aws4_request"
    signed = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}
    target = {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0"}
    opened = connection.sock
    connection.request("POST", "/", body=b"{}", headers={**signed, **target, **headers})
    response = connection.getresponse()
    response.read()
    assert opened in {None, connection.sock}
    return response


def _command(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "infra.local.database", *options],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
