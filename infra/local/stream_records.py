"""A stream's records in the form in which Lambda hands them to a function."""

import base64
from datetime import datetime
from typing import Any

Record = dict[str, Any]


def lambda_record(record: Record, stream_arn: str, region: str) -> Record:
    """A record of GetRecords in the form in which Lambda hands it over: JSON types only."""
    plain: Record = _jsonable(record)
    if identity := plain.pop("userIdentity", None):
        plain["userIdentity"] = {key[0].lower() + key[1:]: value for key, value in identity.items()}
    fixed = {"eventSource": "aws:dynamodb", "awsRegion": region, "eventSourceARN": stream_arn}
    return {"eventVersion": "1.1", **plain, **fixed}


def sequence_number(record: Record) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


def created(record: Record) -> float:
    """When the change was made, in Unix time."""
    return float(record["dynamodb"]["ApproximateCreationDateTime"])


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _jsonable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_jsonable(inner) for inner in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value.timestamp() if isinstance(value, datetime) else value
