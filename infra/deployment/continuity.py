"""What a deployment must not change by the way: settings that somebody gave to an earlier one."""

from collections.abc import Collection, Iterator, Mapping

from chalicelib.settings import default_order_id_prefix
from infra.deployment.errors import DeploymentError
from infra.deployment.record import Deployed
from infra.deployment.settings import DEPLOYMENT_SETTINGS, FUNCTION_SETTINGS, StageSettings


def deployed_environment(deployed: Deployed) -> Mapping[str, str]:
    """Of the API's function, which is updated last; empty where nothing is deployed."""
    function = deployed.functions.get("api_handler", {})
    variables: Mapping[str, str] = function.get("Environment", {}).get("Variables", {})
    return variables


def check_continuity(
    deployed: Deployed,
    alarm_email: str,
    settings: StageSettings,
    environment: Mapping[str, str],
    unset: Collection[str],
) -> None:
    """Raises DeploymentError where a setting would fall back to its default because nobody repeated it, or where the
    deployment would no longer know its own orders. `alarm_email`: the stack's, empty where it has none."""
    before = dict(deployed_environment(deployed))
    if not before:
        return
    if alarm_email and not settings.alarm_email:
        before["ALARM_EMAIL"] = alarm_email
    kept = set(environment) | set(unset)
    dropped = sorted(name for name in (*FUNCTION_SETTINGS, *DEPLOYMENT_SETTINGS) if name in before and name not in kept)
    if dropped:
        given = " ".join(f"{name}={before[name]}" for name in dropped)
        raise DeploymentError(
            f"what is deployed has {given}, and neither config.json nor the environment says so now: set it again, or "
            f"go back to the default with {' '.join(f'--unset {name}' for name in dropped)}; nothing was changed"
        )
    default = default_order_id_prefix(settings.stage)
    old, new = (variables.get("ORDER_ID_PREFIX") or default for variables in (before, environment))
    if old != new:
        raise DeploymentError(
            f"ORDER_ID_PREFIX is {old!r} and cannot become {new!r}: it is how this deployment knows its own orders on "
            "an exchange; nothing was changed"
        )


def changes(deployed: Deployed, environment: Mapping[str, str]) -> Iterator[str]:
    """Each variable that will be another one, old and new."""
    before = deployed_environment(deployed)
    for name in sorted(before.keys() | environment.keys()) if before else ():
        if before.get(name) != environment.get(name):
            yield f"{name}: {before.get(name, 'not set')} → {environment.get(name, 'not set')}"
