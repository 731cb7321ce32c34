"""What must not be lost: the data of prod, live orders, a stage on which something went wrong half way."""

from typing import Any

import pytest

from infra.local.cloud_calls import Call
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


def test_prod_is_destroyed_only_by_its_name(desk: DeploymentDesk) -> None:
    desk.deploy("prod")
    before = everything(desk)

    for typed in ("", "yes\n", "trading-bot-dev\n"):
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


def test_a_stage_with_live_orders_is_not_destroyed(desk: DeploymentDesk) -> None:
    """Nobody would cancel them any more, and nobody would know them. A watched order that ended is none."""
    desk.deploy()
    before = everything(desk)
    orders = {"o1": "OPEN binance", "o2": "PENDING bybit", "o3": "FILLED upbit", "o4": "OPEN mock"}
    for order_id, words in orders.items():
        status, exchange = words.split()
        row = {"order_id": order_id, "status": status, "exchange": exchange, "live_shard": "0", "check_at": "2026"}
        item = {name: {"S": value} for name, value in row.items()}
        desk.client("dynamodb").put_item(TableName="trading-bot-dev-orders", Item=item)

    done = desk.run("destroy", "--stage", "dev")
    untouched = everything(desk)
    desk.destroy("dev", "--abandon-orders")

    assert done.status == 1
    assert "2 orders are live on an exchange (o1, o2)" in done.said
    assert untouched == before
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


def test_a_setting_that_nobody_repeats_is_not_dropped_by_the_way(desk: DeploymentDesk) -> None:
    """A shell that does not know them would put prod back on the mock, and close the admin API."""
    given = {
        "USE_MOCK_EXCHANGE": "false",
        "ADMIN_CIDRS": "203.0.113.7",
        "MAX_ALERT_AGE": "90",
        "ALARM_EMAIL": "operator@example.com",
    }
    desk.deploy(**given)
    before = everything(desk)

    forgotten = desk.run("deploy", "--stage", "dev", USE_MOCK_EXCHANGE="false")
    untouched = everything(desk)
    meant = desk.deploy("dev", "--unset", "MAX_ALERT_AGE", **{**given, "MAX_ALERT_AGE": ""})

    assert forgotten.status == 1
    assert "ADMIN_CIDRS=203.0.113.7" in forgotten.said
    assert "ALARM_EMAIL=operator@example.com" in forgotten.said
    assert "--unset MAX_ALERT_AGE" in forgotten.said
    assert untouched == before
    assert "MAX_ALERT_AGE: 90 → not set" in meant.said


def test_a_deployment_goes_on_knowing_its_own_orders(desk: DeploymentDesk) -> None:
    desk.deploy(ORDER_ID_PREFIX="abc-")

    other = desk.run("deploy", "--stage", "dev", ORDER_ID_PREFIX="xyz-")
    default = desk.run("deploy", "--stage", "dev", "--unset", "ORDER_ID_PREFIX")

    assert (other.status, default.status) == (1, 1)
    assert "ORDER_ID_PREFIX is 'abc-' and cannot become 'xyz-'" in other.said
    assert "ORDER_ID_PREFIX is 'abc-' and cannot become 'dev-'" in default.said


def test_a_stage_lives_in_one_region(desk: DeploymentDesk) -> None:
    """Its roles have none: another region's deployment would take them over."""
    desk.deploy("prod")
    before = everything(desk)
    elsewhere = {"AWS_REGION": "ap-northeast-1", "AWS_DEFAULT_REGION": "ap-northeast-1"}

    deployed = desk.run("deploy", "--stage", "prod", **elsewhere)
    destroyed = desk.run("destroy", "--stage", "prod", typed="trading-bot-prod\n", **elsewhere)

    assert (deployed.status, destroyed.status) == (1, 1)
    assert "is deployed in us-east-1" in deployed.said
    assert "is deployed in us-east-1" in destroyed.said
    assert everything(desk) == before


def test_what_only_begins_like_ours_is_left_alone(desk: DeploymentDesk) -> None:
    desk.deploy()
    role = desk.client("iam").create_role(RoleName="someone-else", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    desk.client("lambda").create_function(
        FunctionName="trading-bot-dev-report",
        Runtime="python3.11",
        Role=role,
        Handler="report.main",
        Code={"ZipFile": desk.cloud.function_package("trading-bot-dev")},
    )
    desk.client("events").put_rule(Name="trading-bot-dev-backup", ScheduleExpression="rate(1 day)")

    desk.deploy(ADMIN_CIDRS="203.0.113.7")
    desk.destroy()

    assert everything(desk).keys() == {
        "function trading-bot-dev-report",
        "role someone-else",
        "rule trading-bot-dev-backup",
    }


def test_what_was_changed_by_hand_is_mended(desk: DeploymentDesk) -> None:
    """`nothing had to be changed` must be true of a stage that stands still."""
    desk.deploy()
    before = everything(desk)
    functions, events = desk.client("lambda"), desk.client("events")
    events.disable_rule(Name="trading-bot-dev-reconcile-event")
    functions.put_function_concurrency(FunctionName="trading-bot-dev-sweep", ReservedConcurrentExecutions=0)
    functions.update_function_configuration(FunctionName="trading-bot-dev-reconcile", MemorySize=128, Timeout=3)
    name = "trading-bot-dev-fire_cancels"
    desk.client("iam").put_role_policy(
        RoleName=name,
        PolicyName=name,
        PolicyDocument='{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}',
    )

    done = desk.deploy()

    after = everything(desk)
    for words in (
        "is disabled",
        "reserved_concurrency of sweep is 0",
        "lambda_timeout of reconcile is 3",
        "fire_cancels",
    ):
        assert words in done.said
    for kind in ("rule", "role", "mapping", "alarm"):
        assert of_kind(after, kind) == of_kind(before, kind)
    for function in ("sweep", "reconcile"):
        entry = after[f"function trading-bot-dev-{function}"]
        assert (entry["Timeout"], entry["MemorySize"], entry["Concurrency"]) == (75, 1024, 2)


def test_the_tables_of_the_stack_are_looked_at_whatever_the_shell_calls_them(desk: DeploymentDesk) -> None:
    desk.deploy(TABLE_PREFIX="acme-dev")
    before = everything(desk)

    done = desk.run("destroy", "--stage", "dev")

    assert done.status == 1
    assert "set TABLE_PREFIX=acme-dev" in done.said
    assert everything(desk) == before


def test_an_order_that_comes_while_somebody_types_the_name_is_seen(desk: DeploymentDesk) -> None:
    """The API takes no more calls before the last look; it takes them again where the look finds one."""
    desk.deploy("prod")
    before = everything(desk)
    row = {"order_id": "late-1", "status": "OPEN", "exchange": "binance", "live_shard": "0", "check_at": "2026-11-21"}
    closed = []

    def look(call: Call) -> None:
        if call.action == "PutFunctionConcurrency":
            closed.append(call.parameters)
            if len(closed) == 1:
                item = {name: {"S": value} for name, value in row.items()}
                desk.client("dynamodb").put_item(TableName="trading-bot-prod-orders", Item=item)

    desk.cloud.on_call = look
    try:
        done = desk.run("destroy", "--stage", "prod", typed="trading-bot-prod\n")
    finally:
        desk.cloud.on_call = None

    assert done.status == 1
    assert "late-1" in done.said
    assert len(closed) == 2
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
        ({"ADMIN_CIDRS": "203.0.113.7/8"}, "ADMIN_CIDRS must be IPv4 blocks"),
        ({"ALARM_EMAIL": "me"}, "ALARM_EMAIL must be one e-mail address"),
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
