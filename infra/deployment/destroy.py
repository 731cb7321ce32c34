"""Takes a stage down: its API, functions, alarms; tables and secrets too, except those of prod."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from chalicelib.settings import SettingsError
from infra.deployment.aws import Aws
from infra.deployment.chalice_commands import chalice_delete
from infra.deployment.errors import DeploymentError, stop_with
from infra.deployment.live_orders import live_orders
from infra.deployment.project import Network, build_project
from infra.deployment.record import find_deployed
from infra.deployment.settings import read_stage
from infra.deployment.stage import Stage


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 when there is nothing left that should go."""
    parser = argparse.ArgumentParser("infra/destroy", description=__doc__)
    parser.add_argument("--stage", required=True, help="dev or prod")
    parser.add_argument("--abandon-orders", action="store_true", help="although orders are live on an exchange")
    options = parser.parse_args(arguments)
    try:
        settings = read_stage(options.stage)
        stage = Stage(settings, Aws())
        if not options.abandon_orders:
            _check_live_orders(stage)
        if settings.protected:
            _ask(settings.name)
        destroy(stage)
    except (SettingsError, DeploymentError, ClientError, BotoCoreError, WaiterError) as error:
        return stop_with("infra/destroy", error)
    return 0


def destroy(stage: Stage) -> None:
    """First what acts, then what it acts on. Raises DeploymentError; running it again then goes on."""
    settings = stage.settings
    names = stage.names(stage.stack.outputs())
    deployed = find_deployed(stage.aws, names, settings.app_name)
    if deployed:
        environment = stage.function_environment(names)
        project = build_project(settings, names, Network(), environment)
        project.write_record(deployed.record(stage.aws, names, settings.api_stage))
        for line in chalice_delete(project, environment).splitlines():
            _say(f"  {line}")
    if stage.egress.describe() is not None:
        _say(f"deleting stack {stage.egress.name}; the address itself stays yours until you release it")
        stage.egress.delete()
    if settings.protected:
        _keep_data(stage)
    else:
        _delete_data(stage)
    _say(f"{settings.name} is {'down' if settings.protected else 'gone'}")


def _check_live_orders(stage: Stage) -> None:
    """Without functions nobody cancels them any more; without tables nobody knows them."""
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
        _say(f"there is no stack {stage.stack.name}")
        return
    for change in stage.apply_stack(serving=False):
        _say(f"stack: {change}")
    _say(f"the tables and secrets of {stage.stack.name} are kept; infra/deploy --take-up goes on with them")


def _delete_data(stage: Stage) -> None:
    if stage.stack.delete():
        _say(f"deleted stack {stage.stack.name} with its tables and logs")
    client = stage.aws.client("secretsmanager")
    for name in _secrets(client, stage.settings.table_prefix):
        client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
        _say(f"deleted secret {name}")


def _secrets(client: Any, prefix: str) -> list[str]:
    """Keys of accounts, which people made and the stack does not know, and what waits for its deletion: as long as
    that goes on, no stack could make a secret of the same name."""
    wanted = f"{prefix}/"
    pages = client.get_paginator("list_secrets").paginate(
        Filters=[{"Key": "name", "Values": [wanted]}], IncludePlannedDeletion=True
    )
    return [secret["Name"] for page in pages for secret in page["SecretList"] if secret["Name"].startswith(wanted)]


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
