"""The requests that the tests of the embedded database make, and what they read of the answers."""

import http.client
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "us-east-1"
IF_NEW = "attribute_not_exists(id)"
IF_THERE = "attribute_exists(id)"


def client_of(url: str, service: str, region: str = REGION) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(max_pool_connections=50, retries={"total_max_attempts": 1}),
    )


def code_of(action: Callable[..., Any], **arguments: Any) -> str:
    try:
        action(**arguments)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "OK"


def row(name: str, **attributes: dict[str, Any]) -> dict[str, Any]:
    return {"id": {"S": name}, **attributes}


def key_of(name: str) -> dict[str, Any]:
    return {"TableName": "rows", "Key": {"id": {"S": name}}}


def put(name: str, condition: str | None = None) -> dict[str, Any]:
    return {"Put": {"TableName": "rows", "Item": row(name), **_if(condition)}}


def delete(name: str, condition: str | None = None) -> dict[str, Any]:
    return {"Delete": {**key_of(name), **_if(condition)}}


def update(name: str, expression: str, condition: str | None = None, **values: dict[str, str]) -> dict[str, Any]:
    given = {"ExpressionAttributeValues": {f":{word}": value for word, value in values.items()}}
    return {"Update": {**key_of(name), "UpdateExpression": expression, **_if(condition), **given}}


def count() -> dict[str, Any]:
    return update("counter", "ADD v :one", one={"N": "1"})


def _if(condition: str | None) -> dict[str, str]:
    return {"ConditionExpression": condition} if condition else {}


def get(dynamodb: Any, name: str) -> Any:
    return dynamodb.get_item(**key_of(name)).get("Item")


def latest_iterator(dynamodb: Any, streams: Any) -> str:
    arn = dynamodb.describe_table(TableName="rows")["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    answer = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="LATEST")
    return str(answer["ShardIterator"])


def seen(streams: Any, iterator: str) -> list[tuple[str, Any, Any]]:
    records = streams.get_records(ShardIterator=iterator)["Records"]
    return [(r["eventName"], r["dynamodb"].get("OldImage"), r["dynamodb"].get("NewImage")) for r in records]


def post(connection: http.client.HTTPConnection, **headers: str) -> http.client.HTTPResponse:
    scope = f"test/20250101/{REGION}/dynamodb/aws4_request"
    signed = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}
    target = {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0"}
    opened = connection.sock
    connection.request("POST", "/", body=b"{}", headers={**signed, **target, **headers})
    response = connection.getresponse()
    response.read()
    assert opened in {None, connection.sock}
    return response
