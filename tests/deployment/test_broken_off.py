"""A deployment that is killed, and the one after it, which finds its work half done and finishes it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.local.cloud import Cloud
from infra.local.cloud_calls import Call
from tests.deployment.account import everything
from tests.deployment.desk import DeploymentDesk, check_out


def nth(number: int, action: str) -> Callable[[Call], bool]:
    """The first, second, … call of this action."""
    seen = iter(range(1, 1000))
    return lambda call: call.action == action and next(seen) == number


POINTS = {
    "the change set is made": nth(1, "CreateChangeSet"),
    "a function is made": nth(2, "CreateFunction"),
    "the other mapping is made": nth(2, "CreateEventSourceMapping"),
    "the API is made": nth(1, "ImportRestApi"),
    "a mapping is set": nth(1, "UpdateEventSourceMapping"),
    "the mark is set": nth(1, "TagResource"),
}


@pytest.fixture(scope="module")
def whole(cloud: Cloud, small_packages: Path, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What a deployment that nothing disturbed leaves, without what AWS makes up."""
    cloud.reset()
    desk = DeploymentDesk(cloud, check_out(tmp_path_factory.mktemp("whole") / "checkout", small_packages))
    desk.deploy()
    return shapes(everything(desk))


def shapes(found: dict[str, Any]) -> set[str]:
    """Each thing with what is said of it; ids, times and the layer's number aside."""
    apis = [name.removeprefix("api ") for name in found if name.startswith("api ")]
    made_up = [
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.+]+",
        r"DeadLetters-[A-Z0-9]+",
        r"admin-token-[A-Za-z0-9]+",
        r"'Timestamp': '[0-9]+'",
        r"rootResourceId': '[a-z0-9]+'",
        r"(secret trading-bot-dev/admin-token) .*",
        r"managed-layer:[0-9]+",
        r"managed-layer [0-9]+",
        r"'(CodeSha256|Sid)': '[^']*'",
        r"'(CreatedTimestamp|LastModifiedTimestamp)': '[0-9.]+'",
        r"'createdDate': datetime[^)]*\)",
        r"'deployment': '[0-9a-f]{64}'",
        *map(re.escape, apis),
    ]
    return {re.sub("|".join(made_up), "…", f"{name} {_ordered(value)}") for name, value in found.items()}


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value)}
    if isinstance(value, set):
        return sorted(value)
    return [_ordered(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("point", POINTS)
def test_the_next_deployment_finishes_what_a_killed_one_began(
    desk: DeploymentDesk, whole: set[str], point: str
) -> None:
    """Nothing is made twice: one API, one mapping a function."""
    desk.kill_at(POINTS[point])

    desk.deploy()

    assert shapes(everything(desk)) ^ whole == set()


def test_what_a_killed_deployment_left_is_destroyed_too(desk: DeploymentDesk) -> None:
    desk.kill_at(nth(1, "ImportRestApi"))

    desk.destroy()

    assert everything(desk) == {}


@pytest.mark.parametrize("point", ["a function is updated", "the API is updated", "the environment is set"])
def test_an_update_that_was_killed_is_finished_too(desk: DeploymentDesk, whole: set[str], point: str) -> None:
    desk.deploy()
    actions = {
        "a function is updated": ("UpdateFunctionCode", {"ADMIN_CIDRS": "203.0.113.7"}),
        "the API is updated": ("PutRestApi", {"ADMIN_CIDRS": "203.0.113.7"}),
        "the environment is set": ("UpdateFunctionConfiguration", {"MAX_ALERT_AGE": "90"}),
    }
    action, settings = actions[point]

    desk.kill_at(nth(1, action), **settings)
    back = desk.deploy("dev", *(part for name in settings for part in ("--unset", name)))

    assert back.said.rstrip().endswith("done")
    assert shapes(everything(desk)) ^ whole == set()
