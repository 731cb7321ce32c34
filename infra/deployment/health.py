"""Whether what was deployed works: a sign of life through the API, and the database from inside the function."""

import json
import time
from typing import Any

import httpx

from infra.deployment.aws import Aws
from infra.deployment.errors import DeploymentError
from infra.deployment.policies import Names

_TRIES = 10
_EVERY = 3.0


def check_health(aws: Aws, names: Names, url: str) -> str:
    """What was found, in words. Raises DeploymentError.

    /ping is open to everybody, /health to ADMIN_CIDRS only, of which a CI runner is none: so the function itself is
    asked for it, in the form in which API Gateway asks.
    """
    health = _invoke(aws, names)
    if health.get("statusCode") != 200:
        raise DeploymentError(f"everything is deployed, but /health answers {health}; its log says why")
    for attempt in range(_TRIES):
        if _pings(url):
            return f"{url}ping answers, /health says {json.loads(health['body'])['database']}"
        time.sleep(_EVERY if attempt + 1 < _TRIES else 0)
    raise DeploymentError(f"everything is deployed, but {url}ping does not answer; look at the API in the console")


def _invoke(aws: Aws, names: Names) -> dict[str, Any]:
    answer = aws.client("lambda").invoke(
        FunctionName=names.function("api_handler"), Payload=json.dumps(health_event()).encode()
    )
    document: dict[str, Any] = json.loads(answer["Payload"].read())
    return document


def health_event() -> dict[str, Any]:
    """GET /health as API Gateway hands it to the function."""
    return {
        "resource": "/health",
        "path": "/health",
        "httpMethod": "GET",
        "headers": {"Accept": "application/json"},
        "multiValueHeaders": {"Accept": ["application/json"]},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": "/health",
            "path": "/health",
            "httpMethod": "GET",
            "requestId": "deployment",
            "identity": {"sourceIp": "127.0.0.1"},
        },
        "body": None,
        "isBase64Encoded": False,
    }


def _pings(url: str) -> bool:
    try:
        return httpx.get(f"{url}ping", timeout=10).status_code == 200
    except httpx.HTTPError:
        return False
