"""What the local stack's processes are told, whatever stands in the user's environment."""

import pytest

from infra.local.environment import stack_environment


@pytest.mark.parametrize(("wished", "told"), [({}, "true"), ({"POWERTOOLS_METRICS_DISABLED": "false"}, "false")])
def test_metrics_are_silent_unless_they_are_asked_for(wished: dict[str, str], told: str) -> None:
    """The terminal is for people; CloudWatch does not read it."""
    environment = stack_environment("http://127.0.0.1:1", None, wished)

    assert environment["POWERTOOLS_METRICS_DISABLED"] == told
