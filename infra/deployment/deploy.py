"""Creates or updates a stage on AWS. Running it again changes nothing; after a failure it goes on."""

import argparse
from collections.abc import Collection, Mapping, Sequence

from chalicelib.settings import EXCHANGE_URLS
from infra.deployment.aws import Aws
from infra.deployment.chalice_commands import build_packages, chalice_deploy
from infra.deployment.console import EXPECTED, say, stop_with
from infra.deployment.continuity import changes, check_continuity
from infra.deployment.drift import drift
from infra.deployment.errors import DeploymentError
from infra.deployment.event_delivery import set_async_retries, set_mappings
from infra.deployment.functions import is_current, mark_current, mark_unfinished, set_environment
from infra.deployment.health import check_health
from infra.deployment.policies import Names
from infra.deployment.project import Project, build_project
from infra.deployment.quota import check_concurrency
from infra.deployment.record import Deployed, find_deployed
from infra.deployment.settings import StageSettings, read_stage
from infra.deployment.stage import Stage
from infra.event_sources import load_mappings


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 when the stage is as its settings say."""
    options = _parse(arguments)
    try:
        settings = read_stage(options.stage)
        stage = Stage(settings, Aws())
        say(f"{settings.name} in {stage.aws.region}, account {stage.aws.account}")
        _say_settings(settings)
        changed = deploy(stage, take_up=options.take_up, force=options.force, unset=options.unset)
    except EXPECTED as error:
        return stop_with("infra/deploy", error)
    say("done" if changed else "nothing had to be changed")
    return 0


def deploy(stage: Stage, *, take_up: bool = False, force: bool = False, unset: Collection[str] = ()) -> bool:
    """Whether anything was changed. Raises DeploymentError; running it again then goes on."""
    deployed = _check_everything(stage, take_up=take_up, unset=unset)
    done = [f"stack: {change}" for change in stage.apply_stack()]
    network, egress_changes = stage.apply_egress()
    done += [f"egress: {change}" for change in egress_changes]
    for line in done + [f"way out: {address}" for address in network.addresses]:
        say(line)
    if stage.settings.static_egress == "false" and stage.egress.describe() is not None:
        say(f"stack {stage.egress.name} is not used any more and still billed: delete it in the console")
    names = stage.names(stage.stack.outputs())
    environment = stage.function_environment(names)
    project = build_project(stage.settings, names, network, environment)
    fingerprint = project.fingerprint()
    for line in changes(deployed, environment):
        say(line)
    chalice_changes = force or not is_current(stage.aws, deployed, fingerprint)
    if not chalice_changes and (found := list(drift(stage.aws, deployed, names, project))):
        say(f"changed since the last deployment: {'; '.join(found)}")
        chalice_changes = True
    if chalice_changes:
        deployed = _deploy_functions(stage, project, deployed, names, environment)
    rest = set_environment(stage.aws, deployed, names, environment)
    rest += set_mappings(stage.aws, deployed, load_mappings(), names)
    rest += set_async_retries(stage.aws, names)
    for line in rest:
        say(line)
    if chalice_changes:
        mark_current(stage.aws, deployed, fingerprint)
    _say_where(stage, deployed, names)
    return bool(done or rest or chalice_changes)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("infra/deploy", description=__doc__)
    parser.add_argument("--stage", required=True, help="dev or prod")
    parser.add_argument("--take-up", action="store_true", help="go on with tables that infra/destroy kept")
    parser.add_argument("--unset", action="append", default=[], metavar="NAME", help="back to the default")
    parser.add_argument("--force", action="store_true", help="run chalice deploy also where nothing differs")
    return parser.parse_args(arguments)


def _check_everything(stage: Stage, *, take_up: bool, unset: Collection[str]) -> Deployed:
    """What must be known before anything is touched. Returns what is there beside the stack, which changes none of it.

    Raises DeploymentError.
    """
    insecure = [name for name in EXCHANGE_URLS if stage.settings.functions.get(name, "").startswith("http:")]
    if insecure and not stage.aws.stands_in:
        raise DeploymentError(f"{', '.join(insecure)} must be https://…: the account's key goes there")
    names = stage.names(stage.stack.outputs())
    check_concurrency(stage.aws, names)
    _check_kept(stage, take_up=take_up)
    deployed = find_deployed(stage.aws, names, stage.settings.app_name)
    check_continuity(
        deployed,
        stage.stack.parameters().get("AlarmEmail", ""),
        stage.settings,
        stage.function_environment(names),
        unset,
    )
    return deployed


def _check_kept(stage: Stage, *, take_up: bool) -> None:
    """Nobody should find by accident that he trades on with the orders and accounts of last year."""
    if stage.stack.parameters().get("Serving") == "false" and not take_up:
        raise DeploymentError(
            f"infra/destroy kept the tables and secrets of {stage.settings.name}. To go on with them, with their "
            f"accounts, strategies and open orders: infra/deploy --stage {stage.settings.stage} --take-up. To begin "
            "anew, set another TABLE_PREFIX after you have deleted the stack by hand (the README says how)"
        )


def _deploy_functions(
    stage: Stage, project: Project, deployed: Deployed, names: Names, environment: Mapping[str, str]
) -> Deployed:
    say("building the package and the layer")
    build_packages(project, environment)
    project.write_record(deployed.record(stage.aws, names, stage.settings.api_stage))
    mark_unfinished(stage.aws, deployed)
    say("chalice deploy")
    for line in chalice_deploy(project, environment).splitlines():
        say(f"  {line}")
    return find_deployed(stage.aws, names, stage.settings.app_name)


def _say_settings(settings: StageSettings) -> None:
    """Names and where they were set; values that are no secret, for no secret is read here."""
    values = {
        **settings.functions,
        "ADMIN_CIDRS": ", ".join(settings.admin_cidrs),
        "WEBHOOK_CIDRS": ", ".join(settings.webhook_cidrs),
        "ALARM_EMAIL": settings.alarm_email,
        "TRACING": str(settings.tracing).lower(),
        "STATIC_EGRESS": settings.static_egress,
        "STATIC_EGRESS_ADDRESSES": ", ".join(settings.egress_addresses),
    }
    for name, source in sorted(settings.sources.items()):
        say(f"  {name}={values.get(name, '')} (from {source})")
    if not settings.admin_cidrs:
        say("  ADMIN_CIDRS is not set: nobody reaches the admin API, only /ping and TradingView's webhook are open")
    if "0.0.0.0/0" in settings.admin_cidrs:
        say("  ADMIN_CIDRS holds 0.0.0.0/0: the admin token is all that protects the API")


def _say_where(stage: Stage, deployed: Deployed, names: Names) -> None:
    record = deployed.record(stage.aws, names, stage.settings.api_stage)
    url = next(entry["rest_api_url"] for entry in record["resources"] if entry["name"] == "rest_api")
    say(f"webhook: {url}api/v1/webhook")
    for address in stage.unconfirmed():
        say(f"{address} has not confirmed the mail from AWS yet: no alarm reaches it (ALARM_EMAIL)")
    if stage.aws.stands_in:
        say("health: not checked, for AWS_ENDPOINT_URL is set and what stands there runs no functions")
    else:
        say(f"health: {check_health(stage.aws, names, url)}")


if __name__ == "__main__":
    raise SystemExit(main())
