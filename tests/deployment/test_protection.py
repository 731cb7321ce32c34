"""What must not be lost: the data of prod, live orders, a stage on which something went wrong half way."""

from typing import Any

import pytest

from infra.local.tables import table_properties
from tests.deployment.account import everything
from tests.deployment.desk import DeploymentDesk
from tests.deployment.test_lifecycle import of_kind


def test_prod_keeps_its_tables_and_secrets_and_takes_them_up_again(desk: DeploymentDesk) -> None:
    deployed = desk.deploy("prod")
    desk.client("dynamodb").put_item(TableName="trading-bot-prod-system", Item={"name": {"S": "a row"}})
    before = everything(desk)
    stack = desk.client("cloudformation").describe_stacks(StackName="trading-bot-prod")["Stacks"][0]

    down = desk.destroy("prod", typed="trading-bot-prod\n")
    kept = everything(desk)
    refused = desk.run("deploy", "--stage", "prod")
    untouched = everything(desk)
    again = desk.deploy("prod", "--take-up")

    after = everything(desk)
    row = desk.client("dynamodb").get_item(TableName="trading-bot-prod-system", Key={"name": {"S": "a row"}})
    assert deployed.said.rstrip().endswith("done")
    assert stack["EnableTerminationProtection"] is True
    assert all(table["protected"] for table in of_kind(before, "table").values())
    assert "infra/deploy --take-up goes on with them" in down.said
    assert {name.partition(" ")[0] for name in kept} == {"table", "secret", "log"}
    assert of_kind(kept, "table") == of_kind(before, "table")
    assert of_kind(kept, "secret") == of_kind(before, "secret")
    assert refused.status == 1
    assert "infra/deploy --stage prod --take-up" in refused.said
    assert untouched == kept
    assert again.said.rstrip().endswith("done")
    assert "Item" in row
    assert of_kind(after, "table") == of_kind(before, "table")
    assert of_kind(after, "function").keys() == of_kind(before, "function").keys()
    assert len(of_kind(after, "alarm")) == len(of_kind(before, "alarm"))


@pytest.mark.parametrize("typed", ["", "yes\n", "trading-bot-dev\n"])
def test_prod_is_destroyed_only_by_its_name(desk: DeploymentDesk, typed: str) -> None:
    desk.deploy("prod")
    before = everything(desk)

    done = desk.run("destroy", "--stage", "prod", typed=typed)

    assert done.status == 1
    assert "nothing was done" in done.said
    assert everything(desk) == before


def test_two_stages_in_one_account_leave_each_other_alone(desk: DeploymentDesk) -> None:
    """Their APIs have the same name."""
    desk.deploy("prod")
    prod = everything(desk)
    desk.deploy("dev")
    both = everything(desk)
    desk.deploy("dev", ADMIN_CIDRS="203.0.113.7")

    apis = of_kind(everything(desk), "api")
    desk.destroy("dev")

    assert len(apis) == 2
    assert {name: both[name] for name in prod} == prod
    assert everything(desk) == prod


@pytest.mark.parametrize(
    ("status", "exchange", "live"),
    [("OPEN", "binance", True), ("PENDING", "bybit", True), ("FILLED", "upbit", False), ("OPEN", "mock", False)],
)
def test_a_stage_with_live_orders_is_not_destroyed(
    desk: DeploymentDesk, status: str, exchange: str, live: bool
) -> None:
    """Nobody would cancel them any more, and nobody would know them. A watched order that ended is none."""
    desk.deploy()
    row = {"order_id": "dev-1", "status": status, "exchange": exchange, "live_shard": "0", "check_at": "2026-11-21"}
    item = {name: {"S": value} for name, value in row.items()}
    desk.client("dynamodb").put_item(TableName="trading-bot-dev-orders", Item=item)

    done = desk.run("destroy", "--stage", "dev")

    assert done.status == int(live)
    assert ("dev-1" in done.said) is live
    assert bool(of_kind(everything(desk), "function")) is live
    if live:
        desk.destroy("dev", "--abandon-orders")
        assert everything(desk) == {}


def test_a_change_that_would_lose_a_table_is_refused(desk: DeploymentDesk) -> None:
    desk.deploy()
    before = everything(desk)

    renamed = desk.run("deploy", "--stage", "dev", TABLE_PREFIX="other")
    template = desk.checkout / "infra" / "stack.yaml"
    text = template.read_text(encoding="utf-8")
    start, end = text.index("  Alerts:\n"), text.index("  MarketRules:\n")
    template.write_text(text[:start] + text[end:], encoding="utf-8")
    removed = desk.run("deploy", "--stage", "dev")

    assert (renamed.status, removed.status) == (1, 1)
    assert "Orders" in renamed.said
    assert "Alerts of stack trading-bot-dev" in removed.said
    assert everything(desk) == before


def test_protection_comes_after_a_first_creation_that_succeeded(desk: DeploymentDesk) -> None:
    """A creation that fails takes away what it made, which it cannot with protected tables."""
    names = [properties["TableName"] for properties in table_properties("trading-bot-prod").values()]
    desk.client("dynamodb").create_table(  # stands in the way of the stack's own
        TableName=names[-1],
        AttributeDefinitions=[{"AttributeName": "x", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "x", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )

    failed = desk.run("deploy", "--stage", "prod")
    left = of_kind(everything(desk), "table").keys()
    desk.client("dynamodb").delete_table(TableName=names[-1])
    desk.deploy("prod")

    assert failed.status == 1
    assert "the create of stack trading-bot-prod did not succeed: System" in failed.said
    assert left == {names[-1]}
    assert all(table["protected"] for table in of_kind(everything(desk), "table").values())


def test_a_small_account_is_told_before_anything_is_created(desk: DeploymentDesk) -> None:
    desk.cloud.set_concurrency_limit(10)

    done = desk.run("deploy", "--stage", "dev")

    assert done.status == 1
    assert "Service Quotas" in done.said
    assert everything(desk) == {}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"MAX_CANCEL_RETRIES": "many"}, "MAX_CANCEL_RETRIES must be a whole number from 1 to 12"),
        ({"ADMIN_CIDRS": "203.0.113.7/8"}, "ADMIN_CIDRS must be CIDR blocks"),
        ({"ADMIN_CIDRS": "my house"}, "ADMIN_CIDRS must be CIDR blocks"),
        ({"ALARM_EMAIL": "me"}, "ALARM_EMAIL must be one e-mail address"),
        ({"TRACING": "perhaps"}, "TRACING must be true or false"),
        ({"STATIC_EGRESS": "three"}, "STATIC_EGRESS must be one of"),
        ({"STATIC_EGRESS_ADDRESSES": "203.0.113.7"}, "STATIC_EGRESS_ADDRESSES must be"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, "set AWS_REGION"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "AWS does not take the credentials"),
    ],
)
def test_a_bad_setting_is_one_line_and_nothing_is_touched(
    desk: DeploymentDesk, settings: dict[str, str], words: str
) -> None:
    done = desk.run("deploy", "--stage", "dev", **settings)

    assert done.status == 1
    assert words in done.said
    assert "Traceback" not in done.said
    assert everything(desk) == {}


def test_a_stage_that_nobody_described_is_refused(desk: DeploymentDesk) -> None:
    done = desk.run("deploy", "--stage", "staging")

    assert (done.status, done.said) == (1, "infra/deploy: --stage must be one of dev, prod, not 'staging'\n")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ADMIN_TOKEN", "ADMIN_TOKEN must not stand in config.json"),
        ("BYBIT_API_SECRET", "BYBIT_API_SECRET must not stand in config.json"),
        ("CANCEL_QUEUE_INTERVALL", "CANCEL_QUEUE_INTERVALL in config.json is no setting"),
    ],
)
def test_a_secret_or_a_misspelt_name_in_the_configuration_is_refused(
    desk: DeploymentDesk, name: str, words: str
) -> None:
    _configure(desk, {name: "value"})

    done = desk.run("deploy", "--stage", "dev")

    assert done.status == 1
    assert words in done.said
    assert "value" not in done.said.replace("CANCEL_QUEUE_INTERVALL in config.json is no setting", "")


def _configure(desk: DeploymentDesk, variables: dict[str, Any]) -> None:
    import json

    path = desk.checkout / ".chalice" / "config.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["stages"]["dev"]["environment_variables"] = variables
    path.write_text(json.dumps(document), encoding="utf-8")
