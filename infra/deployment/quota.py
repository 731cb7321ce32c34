"""Whether the account lets us reserve what the functions need."""

from infra.deployment.aws import Aws
from infra.deployment.errors import DeploymentError
from infra.deployment.policies import Names
from infra.deployment.settings import function_settings

_LEFT_FOR_OTHERS = 100
"""Lambda refuses a reservation that leaves less than this to the account's other functions."""


def check_concurrency(aws: Aws, names: Names) -> None:
    """Raises DeploymentError where a new account's limit (10) is too small, before anything is created."""
    limit = aws.client("lambda").get_account_settings()["AccountLimit"]
    wanted = sum(function["reserved_concurrency"] for function in function_settings().values())
    free = limit["UnreservedConcurrentExecutions"] + _reserved(aws, names)
    if free - wanted < _LEFT_FOR_OTHERS:
        raise DeploymentError(
            f"the functions reserve {wanted} concurrent executions, Lambda keeps {_LEFT_FOR_OTHERS} for others, and "
            f"this account has {free}: ask for more (Service Quotas, AWS Lambda, Concurrent executions; 1,000 is usual "
            "and free), then run this again"
        )


def _reserved(aws: Aws, names: Names) -> int:
    """By an earlier deployment of this stage."""
    client = aws.client("lambda")
    reserved = 0
    for name in function_settings():
        try:
            found = client.get_function_concurrency(FunctionName=names.function(name))
        except client.exceptions.ResourceNotFoundException:
            continue
        reserved += found.get("ReservedConcurrentExecutions", 0)
    return reserved
