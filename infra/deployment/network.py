"""Taking functions out of a network that is about to go."""

import time

from infra.deployment.aws import Aws
from infra.deployment.errors import DeploymentError
from infra.deployment.policies import Names
from infra.deployment.record import Deployed

_EVERY = 15.0
_LONGEST = 2700.0
"""Lambda may take three quarters of an hour to give its interfaces back, and needs the functions' roles for it."""


def leave_network(aws: Aws, deployed: Deployed, names: Names) -> None:
    """Returns once nothing of the functions is left in their subnets. Raises DeploymentError."""
    client = aws.client("lambda")
    subnets: set[str] = set()
    for function, found in deployed.functions.items():
        inside = found.get("VpcConfig", {}).get("SubnetIds", [])
        if inside:
            name = names.function(function)
            client.update_function_configuration(FunctionName=name, VpcConfig={"SubnetIds": [], "SecurityGroupIds": []})
            client.get_waiter("function_updated_v2").wait(FunctionName=name)
            subnets |= set(inside)
    ends = time.monotonic() + _LONGEST
    while subnets and _interfaces(aws, subnets):
        if time.monotonic() > ends:
            raise DeploymentError("Lambda still has interfaces in the functions' network; run this again in an hour")
        time.sleep(_EVERY)


def _interfaces(aws: Aws, subnets: set[str]) -> bool:
    """Those of NAT gateways are not Lambda's, and not in these subnets."""
    filters = [{"Name": "subnet-id", "Values": sorted(subnets)}]
    return bool(aws.client("ec2").describe_network_interfaces(Filters=filters)["NetworkInterfaces"])
