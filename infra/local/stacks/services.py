"""The services as a stack calls them: over HTTP like anybody, with values cast to what each call takes."""

import functools
from typing import Any

import boto3
from botocore.config import Config
from botocore.model import ListShape, MapShape, Shape, StructureShape

from infra.local.stacks import CALLER

_CASTS: dict[str, type] = {"integer": int, "long": int, "float": float, "double": float, "string": str}


class Services:
    """Calls to the services of one region."""

    def __init__(self, url: str, region: str) -> None:
        self._url = url
        self.region = region

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """One API call. Raises botocore's ClientError and ParamValidationError.

        Templates may say numbers and switches as text, and text as numbers; what the call knows by name is cast.
        """
        client = _client(self._url, self.region, service)
        shape = client.meta.service_model.operation_model(operation).input_shape
        method = next(name for name, known in client.meta.method_to_api_mapping.items() if known == operation)
        answer: dict[str, Any] = getattr(client, method)(**(_cast(parameters, shape) if shape else {}))
        return answer


@functools.cache
def _client(url: str, region: str, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=CALLER,
        aws_secret_access_key=CALLER,
        config=Config(retries={"total_max_attempts": 1}),
    )


def _cast(value: Any, shape: Shape) -> Any:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        members = shape.members
        return {key: _cast(one, members[key]) if key in members else one for key, one in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_cast(one, shape.member) for one in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: _cast(one, shape.value) for key, one in value.items()}
    if shape.type_name == "boolean" and isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower(), value)
    if isinstance(value, bool):
        return str(value).lower() if shape.type_name == "string" else value
    if shape.type_name in _CASTS and isinstance(value, str | int | float):
        return _CASTS[shape.type_name](value)
    return value
