"""The wraps that let a deployment run against moto's API Gateway and Lambda, each with its reason.

Each wrap is a function that gets moto's own as its first argument; `install` puts them in place for the whole process
beside those of `moto_safety`, `remove` takes them out again. CloudFormation is `infra.local.stacks`.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from moto.apigateway.models import APIGatewayBackend, Deployment, RestAPI, Stage
from moto.apigateway.responses import APIGatewayResponse
from moto.awslambda import urls
from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError
from moto.awslambda.models import EventInvokeConfig, EventSourceMapping, LambdaBackend, LambdaFunction
from moto.awslambda.responses import LambdaResponse
from moto.awslambda.utils import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID

from infra.local.moto_safety import Replacements, put_in_place, take_out
from infra.local.moto_speed import Plain

DEFAULT_CONCURRENCY = 1000
"""What an established account may run at once; a new one may have 10 only."""

_UNRESERVED = 100

Runner = Callable[[str, bytes], bytes]
"""Carries out a function, by its name, for an event; returns its answer."""


@dataclass
class _Account:
    """What a test may say about the account; there is one, as moto's state is one."""

    concurrency: int = DEFAULT_CONCURRENCY
    runner: Runner | None = None


_account = _Account()


def install() -> None:
    """Put every wrap in place; a second call changes nothing."""
    put_in_place(_REPLACEMENTS)


def remove() -> None:
    """Give moto its own functions back."""
    take_out(_REPLACEMENTS)


def set_concurrency_limit(limit: int) -> None:
    """How many executions an account may have at once."""
    _account.concurrency = limit


def run_functions_with(runner: Runner | None) -> None:
    """Who carries out the functions that somebody calls and waits for; without one such a call is refused."""
    _account.runner = runner


def function_package(name: str, region: str) -> bytes:
    """The zip that was uploaded as the function's code."""
    package: bytes = get_backend(DEFAULT_ACCOUNT_ID, region).get_function(name).code_bytes
    return package


def layer_package(layer_version_arn: str) -> bytes:
    """The zip that was uploaded as this version of a layer."""
    package: bytes = _layer_version(layer_version_arn).code_bytes
    return package


def _layer_version(arn: str) -> Any:
    region, name, version = arn.split(":")[3], arn.split(":")[6], arn.split(":")[7]
    return get_backend(DEFAULT_ACCOUNT_ID, region).get_layer_version(name, version)


# --- API Gateway -----------------------------------------------------------------------------------------


def _import_rest_api(plain: Plain, response: APIGatewayResponse) -> Any:
    """moto drops the type of the endpoint."""
    status, headers, body = plain(response)
    api = response.backend.get_rest_api(json.loads(body)["id"])
    types = response.querystring.get("endpointConfigurationTypes")
    api.endpoint_configuration = {"types": types} if types else api.endpoint_configuration
    return status, headers, json.dumps(api.to_dict())


def _import_document(plain: Plain, backend: APIGatewayBackend, document: dict[str, Any], warnings: bool) -> RestAPI:
    """moto fails without `info.description`, which nobody needs to give."""
    api: RestAPI = plain(backend, {**document, "info": {"description": "", **document["info"]}}, warnings)
    return api


def _put_rest_api(
    plain: Plain, backend: APIGatewayBackend, api_id: str, document: dict[str, Any], **how: Any
) -> RestAPI:
    """moto refuses Swagger 2, which is what Chalice writes, and drops what is said about the API as a whole."""
    accepted = {name: value for name, value in document.items() if name != "swagger"}
    api: RestAPI = plain(backend, api_id, {**accepted, "openapi": "3.0.1"}, **how)
    api.root_resource_id = api.default.id
    for resource in api.resources.values():
        for method in resource.resource_methods.values():
            method.authorization_type = method.authorization_type or "NONE"
    policy = document.get("x-amazon-apigateway-policy")
    if policy is not None:
        api.policy = json.dumps(policy)
    elif how.get("mode") == "overwrite":
        api.policy = None
    api.binaryMediaTypes = document.get("x-amazon-apigateway-binary-media-types", api.binaryMediaTypes)
    return api


def _patch_api(plain: Plain, api: RestAPI, operations: list[dict[str, Any]]) -> None:
    """moto passes over the compression."""
    plain(api, operations)
    for one in operations:
        if one["path"] == "/minimumCompressionSize":
            api.minimum_compression_size = int(one["value"]) if one.get("value") else None


def _create_deployment(plain: Plain, api: RestAPI, name: str, *args: Any) -> Deployment:
    """moto makes a new stage for each deployment, and the settings of the old one are gone."""
    held: Stage | None = api.stages.get(name)
    deployment: Deployment = plain(api, name, *args)
    if held is not None:
        held.deployment_id = deployment.id
        api.stages[name] = held
    return deployment


# --- Lambda ----------------------------------------------------------------------------------------------


def _get_layer_version_by_arn(response: LambdaResponse) -> str:
    """moto does not know the action."""
    return json.dumps(_layer_version(response.querystring["Arn"][0]).get_layer_version())


def _get_account_settings(response: LambdaResponse) -> str:
    """Nor this one."""
    limit = _account.concurrency
    reserved = sum(int(one.reserved_concurrency or 0) for one in response.backend.list_functions())
    limits = {"ConcurrentExecutions": limit, "UnreservedConcurrentExecutions": limit - reserved}
    sizes = {"TotalCodeSize": 80530636800, "CodeSizeUnzipped": 262144000, "CodeSizeZipped": 52428800}
    usage = {"FunctionCount": len(list(response.backend.list_functions())), "TotalCodeSize": 0}
    return json.dumps({"AccountLimit": {**limits, **sizes}, "AccountUsage": usage})


def _put_function_concurrency(_plain: Plain, backend: LambdaBackend, name: str, wanted: int) -> int:
    """moto lets a function reserve what the account does not have."""
    function = backend.get_function(name)
    others = [one for one in backend.list_functions() if one.function_name != function.function_name]
    kept = min(_UNRESERVED, _account.concurrency)
    if _account.concurrency - int(wanted) - sum(int(one.reserved_concurrency or 0) for one in others) < kept:
        raise InvalidParameterValueException(
            "Specified ReservedConcurrentExecutions for function decreases account's "
            f"UnreservedConcurrentExecution below its minimum value of [{kept}]."
        )
    function.reserved_concurrency = wanted
    return wanted


def _put_event_invoke_config(_plain: Plain, backend: LambdaBackend, name: str, config: dict[str, Any]) -> Any:
    """moto keeps every configuration that a function was ever given, and shows the first."""
    function = backend.get_function(name)
    function.event_invoke_config = [EventInvokeConfig(function.function_arn, function.last_modified, config)]
    return function.event_invoke_config[0].response()


def _update_event_invoke_config(_plain: Plain, backend: LambdaBackend, name: str, config: dict[str, Any]) -> Any:
    """As above; what is not named stays as it is."""
    held = backend.get_function(name).event_invoke_config
    return backend.put_function_event_invoke_config(name, {**(held[0].config if held else {}), **config})


def _create_mapping(plain: Plain, backend: LambdaBackend, spec: dict[str, Any]) -> EventSourceMapping:
    """moto lets a function read the same stream twice; Lambda refuses."""
    function = backend.get_function(spec["FunctionName"])
    for held in backend.list_event_source_mappings(spec["EventSourceArn"], function.function_arn):
        raise _ResourceConflictError(
            f'The event source arn (" {spec["EventSourceArn"]} ") and function (" {function.function_name} ") '
            f"provided mapping already exists. Please update or delete the existing mapping with UUID {held.uuid}"
        )
    mapping: EventSourceMapping = plain(backend, spec)
    return mapping


class _ResourceConflictError(LambdaClientError):
    code = 409

    def __init__(self, message: str) -> None:
        super().__init__("ResourceConflictException", message)


def _list_mappings(
    plain: Plain, backend: LambdaBackend, source_arn: str | None, function_name: str | None
) -> Iterable[EventSourceMapping]:
    """moto compares names as they were given, once as a name, once as an ARN."""
    held: Iterable[EventSourceMapping] = plain(backend, source_arn, None)
    wanted = function_name.rpartition(":")[2] if function_name else None
    return [one for one in held if wanted in {None, one.function_arn.rpartition(":")[2]}]


def _describe_mapping(plain: Plain, mapping: EventSourceMapping) -> dict[str, Any]:
    """moto shows what was set only; Lambda shows the defaults too."""
    shown: dict[str, Any] = plain(mapping)
    return {**(_STREAM_DEFAULTS if mapping.starting_position else {}), **shown}


_STREAM_DEFAULTS: dict[str, Any] = {
    "BisectBatchOnFunctionError": False,
    "DestinationConfig": {"OnFailure": {}},
    "FunctionResponseTypes": [],
    "MaximumBatchingWindowInSeconds": 0,
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "ParallelizationFactor": 1,
    "TumblingWindowInSeconds": 0,
}


def _deliver_stream_items(_plain: Plain, _backend: LambdaBackend, *_args: Any) -> bool:
    """moto would start a container for every write to a table whose stream a function reads."""
    return False


def _invoke(_plain: Plain, function: LambdaFunction, body: Any, headers: Any, _response_headers: Any) -> Any:
    """moto needs Docker to run a function. Calls that nobody waits for are taken, the others are carried out by
    whoever said so with `run_functions_with`."""
    if headers.get("x-amz-invocation-type", "RequestResponse") != "RequestResponse":
        return b""
    if _account.runner is None:
        raise InvalidParameterValueException("Functions do not run in this cloud.")
    return _account.runner(function.function_name, body if isinstance(body, bytes) else str(body).encode())


def _update_configuration(plain: Plain, function: LambdaFunction, wanted: dict[str, Any]) -> dict[str, Any]:
    """moto passes over tracing."""
    function.tracing_config = wanted.get("TracingConfig", function.tracing_config)
    shown: dict[str, Any] = plain(function, wanted)
    return shown


_REPLACEMENTS: Replacements = (
    (APIGatewayResponse, "import_rest_api", _import_rest_api),
    (APIGatewayBackend, "import_rest_api", _import_document),
    (APIGatewayBackend, "put_rest_api", _put_rest_api),
    (RestAPI, "apply_patch_operations", _patch_api),
    (RestAPI, "create_deployment", _create_deployment),
    (LambdaResponse, "get_layer_version_by_arn", _get_layer_version_by_arn),
    (LambdaResponse, "get_account_settings", _get_account_settings),
    (urls, "url_paths", {**urls.url_paths, "{0}/(?P<version>[^/]+)/account-settings/?$": LambdaResponse.dispatch}),
    (LambdaBackend, "put_function_concurrency", _put_function_concurrency),
    (LambdaBackend, "put_function_event_invoke_config", _put_event_invoke_config),
    (LambdaBackend, "update_function_event_invoke_config", _update_event_invoke_config),
    (LambdaBackend, "create_event_source_mapping", _create_mapping),
    (LambdaBackend, "list_event_source_mappings", _list_mappings),
    (EventSourceMapping, "get_configuration", _describe_mapping),
    (LambdaBackend, "send_dynamodb_items", _deliver_stream_items),
    (LambdaFunction, "invoke", _invoke),
    (LambdaFunction, "update_configuration", _update_configuration),
)
