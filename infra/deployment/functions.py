"""The deployed functions: whether they are up to date, and their environment."""

from collections.abc import Mapping

from infra.deployment.aws import Aws
from infra.deployment.policies import Names, function_names
from infra.deployment.record import Deployed

FINGERPRINT_TAG = "deployment"
"""On the API's function: which package and configuration were deployed as a whole."""


def is_current(aws: Aws, deployed: Deployed, fingerprint: str) -> bool:
    """Whether the last deployment was this one, was finished, and all of it is still there."""
    complete = set(deployed.functions) == set(function_names()) and deployed.rest_api and deployed.layer
    if not complete or len(deployed.mappings) != 2 or len(deployed.rules) != 2:
        return False
    arn = deployed.functions["api_handler"]["FunctionArn"]
    tags: dict[str, str] = aws.client("lambda").list_tags(Resource=arn).get("Tags", {})
    return tags.get(FINGERPRINT_TAG) == fingerprint


def mark_unfinished(aws: Aws, deployed: Deployed) -> None:
    """The first step of a deployment: until its last one, nobody can say what is deployed."""
    if "api_handler" in deployed.functions:
        arn = deployed.functions["api_handler"]["FunctionArn"]
        aws.client("lambda").untag_resource(Resource=arn, TagKeys=[FINGERPRINT_TAG])


def mark_current(aws: Aws, deployed: Deployed, fingerprint: str) -> None:
    """The last step of a deployment."""
    arn = deployed.functions["api_handler"]["FunctionArn"]
    aws.client("lambda").tag_resource(Resource=arn, Tags={FINGERPRINT_TAG: fingerprint})


def set_environment(aws: Aws, deployed: Deployed, names: Names, environment: Mapping[str, str]) -> list[str]:
    """Give every function exactly this environment; returns what was changed, names without values."""
    client = aws.client("lambda")
    changed: set[str] = set()
    for function, found in deployed.functions.items():
        given: dict[str, str] = found.get("Environment", {}).get("Variables", {})
        differing = {name for name in given.keys() | environment.keys() if given.get(name) != environment.get(name)}
        if differing:
            name = names.function(function)
            client.update_function_configuration(FunctionName=name, Environment={"Variables": dict(environment)})
            client.get_waiter("function_updated_v2").wait(FunctionName=name)
            changed |= differing
    return [f"set on the functions: {', '.join(sorted(changed))}"] if changed else []
