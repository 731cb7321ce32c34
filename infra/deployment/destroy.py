"""Takes a stage down: its API, functions, alarms; tables and secrets too, except those of prod."""

import argparse
import sys
import time
from collections.abc import Sequence
from typing import Any

from infra.deployment.aws import Aws
from infra.deployment.chalice_commands import chalice_delete
from infra.deployment.console import EXPECTED, say, stop_with
from infra.deployment.errors import DeploymentError
from infra.deployment.live_orders import live_orders
from infra.deployment.network import leave_network
from infra.deployment.policies import Names
from infra.deployment.project import Network, build_project
from infra.deployment.record import Deployed, find_deployed
from infra.deployment.settings import function_settings, read_stage
from infra.deployment.stage import Stage

_LONGEST_CALL = 30.0
"""Seconds; API Gateway waits no longer for a call."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 when there is nothing left that should go."""
    parser = argparse.ArgumentParser("infra/destroy", description=__doc__)
    parser.add_argument("--stage", required=True, help="dev or prod")
    parser.add_argument("--abandon-orders", action="store_true", help="although orders are live on an exchange")
    options = parser.parse_args(arguments)
    try:
        settings = read_stage(options.stage)
        stage = Stage(settings, Aws())
        _check_prefix(stage)
        if not options.abandon_orders:
            _check_live_orders(stage)
        if settings.protected:
            _ask(settings.name)
        destroy(stage, abandon_orders=options.abandon_orders)
    except EXPECTED as error:
        return stop_with("infra/destroy", error)
    return 0


def destroy(stage: Stage, *, abandon_orders: bool = False) -> None:
    """First what acts, then what it acts on. Raises DeploymentError; running it again then goes on."""
    settings = stage.settings
    names = stage.names(stage.stack.outputs())
    deployed = find_deployed(stage.aws, names, settings.app_name)
    if deployed:
        if not abandon_orders:
            _close(stage, deployed, names)
        if stage.egress.describe() is not None:
            leave_network(stage.aws, deployed, names)
        _delete_functions(stage, deployed, names)
    if stage.egress.describe() is not None:
        say(f"deleting stack {stage.egress.name}; the address itself stays yours until you release it")
        stage.egress.delete()
    if settings.protected:
        _keep_data(stage)
    else:
        _delete_data(stage)
    say(f"{settings.name} is {'down' if settings.protected else 'gone'}")


def _check_prefix(stage: Stage) -> None:
    """The tables that are there are those of the stack, whatever this shell calls them."""
    deployed = stage.stack.parameters().get("TablePrefix", stage.settings.table_prefix)
    if deployed != stage.settings.table_prefix:
        raise DeploymentError(
            f"the tables of {stage.settings.name} are {deployed}-*, not {stage.settings.table_prefix}-*: set "
            f"TABLE_PREFIX={deployed}; nothing was done"
        )


def _close(stage: Stage, deployed: Deployed, names: Names) -> None:
    """Nobody places an order between the last look and the end: the API takes no more calls, and those that it had
    taken have ended. Opens it again, and raises DeploymentError, where one had come meanwhile."""
    if "api_handler" not in deployed.functions:
        return
    client, name = stage.aws.client("lambda"), names.function("api_handler")
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        if not stage.aws.stands_in:
            say("the API is closed; waiting for what it has begun")
            time.sleep(_LONGEST_CALL)
        _check_live_orders(stage)
    except BaseException:
        open_ = function_settings()["api_handler"]["reserved_concurrency"]
        client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=open_)
        raise


def _delete_functions(stage: Stage, deployed: Deployed, names: Names) -> None:
    client = stage.aws.client("lambda")
    for mappings in deployed.mappings.values():
        for mapping in mappings[1:]:  # Chalice's record has room for one
            client.delete_event_source_mapping(UUID=mapping["UUID"])
    environment = stage.function_environment(names)
    project = build_project(stage.settings, names, Network(), environment)
    project.write_record(deployed.record(stage.aws, names, stage.settings.api_stage))
    for line in chalice_delete(project, environment).splitlines():
        say(f"  {line}")
    for page in client.get_paginator("list_layer_versions").paginate(LayerName=names.layer):
        for version in page["LayerVersions"]:  # of deployments that broke off
            client.delete_layer_version(LayerName=names.layer, VersionNumber=version["Version"])


def _check_live_orders(stage: Stage) -> None:
    """Without functions nobody cancels them any more; without tables nobody knows them."""
    if stage.stack.describe() is None:
        return
    live = live_orders(stage.aws, stage.settings.table_prefix)
    if live:
        shown = ", ".join(live[:5]) + (" …" if len(live) > 5 else "")
        raise DeploymentError(
            f"{len(live)} orders are live on an exchange ({shown}): switch trading off and cancel them first, or leave "
            "them to themselves with --abandon-orders; nothing was done"
        )


def _ask(name: str) -> None:
    print(f"This takes {name} down: nothing places or cancels orders any more. Orders on the exchanges stay there.")
    print(f"Its tables and secrets are kept. Type {name} to go on: ", end="", flush=True)
    if sys.stdin.readline().strip() != name:
        raise DeploymentError("that was another name; nothing was done")


def _keep_data(stage: Stage) -> None:
    if stage.stack.describe() is None:
        say(f"there is no stack {stage.stack.name}")
        return
    for change in stage.apply_stack(serving=False):
        say(f"stack: {change}")
    say(f"the tables and secrets of {stage.stack.name} are kept; infra/deploy --take-up goes on with them")


def _delete_data(stage: Stage) -> None:
    if stage.stack.delete():
        say(f"deleted stack {stage.stack.name} with its tables and logs")
    client = stage.aws.client("secretsmanager")
    for name in _secrets(client, stage.settings.table_prefix):
        client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
        say(f"deleted secret {name}")


def _secrets(client: Any, prefix: str) -> list[str]:
    """Keys of accounts, which people made and the stack does not know, and what waits for its deletion: as long as
    that goes on, no stack could make a secret of the same name."""
    wanted = f"{prefix}/"
    pages = client.get_paginator("list_secrets").paginate(
        Filters=[{"Key": "name", "Values": [wanted]}], IncludePlannedDeletion=True
    )
    return [secret["Name"] for page in pages for secret in page["SecretList"] if secret["Name"].startswith(wanted)]


if __name__ == "__main__":
    raise SystemExit(main())
