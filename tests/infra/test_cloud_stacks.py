"""CloudFormation on this machine: what a stack makes, changes, deletes and refuses, seen through the services."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from infra.local.cloud import Cloud, serve_cloud
from tests.infra.dynamodb_requests import client_of, code_of

EGRESS = Path(__file__).parents[2] / "infra" / "egress.yaml"
NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."


@pytest.fixture(scope="module")
def running() -> Iterator[Cloud]:
    with serve_cloud() as cloud:
        yield cloud


@pytest.fixture
def cloud(running: Cloud) -> Cloud:
    running.reset()
    return running


@pytest.fixture
def client(cloud: Cloud) -> Callable[[str], Any]:
    return lambda service: client_of(cloud.url, service)


@pytest.fixture
def formation(client: Callable[[str], Any]) -> Any:
    return client("cloudformation")


def table(name: str = "rows", **properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            **properties,
        },
    }


def index(name: str, key: str) -> dict[str, Any]:
    keys = [{"AttributeName": key, "KeyType": "HASH"}]
    return {"IndexName": name, "KeySchema": keys, "Projection": {"ProjectionType": "KEYS_ONLY"}}


def attributes(*names: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "AttributeType": "S"} for name in names]


def template(resources: dict[str, Any], **rest: Any) -> str:
    return json.dumps({"Resources": resources, **rest})


def parameters(**values: str) -> list[dict[str, str]]:
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]


def create(formation: Any, resources: dict[str, Any], **rest: Any) -> None:
    formation.create_stack(StackName="own", TemplateBody=template(resources, **rest))


def update(formation: Any, resources: dict[str, Any], **rest: Any) -> None:
    formation.update_stack(StackName="own", TemplateBody=template(resources, **rest))


def status(formation: Any) -> str:
    return str(formation.describe_stacks(StackName="own")["Stacks"][0]["StackStatus"])


def outputs(formation: Any) -> dict[str, str]:
    held = formation.describe_stacks(StackName="own")["Stacks"][0]["Outputs"]
    return {one["OutputKey"]: one["OutputValue"] for one in held}


def reasons(formation: Any) -> dict[str, str]:
    events = formation.describe_stack_events(StackName="own")["StackEvents"]
    failed = [one for one in events if one["ResourceStatus"].endswith("_FAILED")]
    return {one["LogicalResourceId"]: one["ResourceStatusReason"] for one in failed}


def look_ahead(formation: Any, body: str, kind: str = "UPDATE", **given: Any) -> Any:
    made = formation.create_change_set(
        StackName="own", ChangeSetName="next", ChangeSetType=kind, TemplateBody=body, **given
    )
    return formation.describe_change_set(ChangeSetName=made["Id"])


def changes(described: Any) -> list[tuple[str, str, str | None]]:
    held = [one["ResourceChange"] for one in described["Changes"]]
    return [(one["Action"], one["LogicalResourceId"], one.get("Replacement")) for one in held]


class TestTables:
    def test_every_property_is_there(self, formation: Any, client: Callable[[str], Any]) -> None:
        """Those too that CreateTable does not take."""
        create(
            formation,
            {
                "Rows": table(
                    StreamSpecification={"StreamViewType": "NEW_AND_OLD_IMAGES"},
                    TimeToLiveSpecification={"AttributeName": "ttl", "Enabled": True},
                    PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": "true"},
                    DeletionProtectionEnabled=True,
                    Tags=[{"Key": "colour", "Value": "green"}],
                )
            },
            Outputs={"Stream": {"Value": {"Fn::GetAtt": ["Rows", "StreamArn"]}}},
        )

        dynamodb = client("dynamodb")
        made = dynamodb.describe_table(TableName="rows")["Table"]
        lifetime = dynamodb.describe_time_to_live(TableName="rows")["TimeToLiveDescription"]
        tags = dynamodb.list_tags_of_resource(ResourceArn=made["TableArn"])["Tags"]
        assert status(formation) == "CREATE_COMPLETE"
        assert made["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        assert (lifetime["AttributeName"], lifetime["TimeToLiveStatus"]) == ("ttl", "ENABLED")
        assert backups(dynamodb) == "ENABLED"
        assert made["DeletionProtectionEnabled"] is True
        assert tags == [{"Key": "colour", "Value": "green"}]
        assert outputs(formation) == {"Stream": made["LatestStreamArn"]}

    def test_every_property_can_change_without_loss_of_rows(self, formation: Any, client: Callable[[str], Any]) -> None:
        """In place: the row that was there stays."""
        dynamodb = client("dynamodb")
        create(formation, {"Rows": table(DeletionProtectionEnabled=True)})
        dynamodb.put_item(TableName="rows", Item={"id": {"S": "kept"}})

        update(
            formation,
            {
                "Rows": table(
                    AttributeDefinitions=attributes("id", "group"),
                    GlobalSecondaryIndexes=[index("by_group", "group")],
                    TimeToLiveSpecification={"AttributeName": "ttl", "Enabled": True},
                    PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
                    DeletionProtectionEnabled=False,
                )
            },
        )

        made = dynamodb.describe_table(TableName="rows")["Table"]
        lifetime = dynamodb.describe_time_to_live(TableName="rows")["TimeToLiveDescription"]
        assert status(formation) == "UPDATE_COMPLETE"
        assert [one["IndexName"] for one in made["GlobalSecondaryIndexes"]] == ["by_group"]
        assert made["DeletionProtectionEnabled"] is False
        assert lifetime["TimeToLiveStatus"] == "ENABLED"
        assert backups(dynamodb) == "ENABLED"
        assert dynamodb.scan(TableName="rows")["Items"] == [{"id": {"S": "kept"}}]

    def test_properties_that_leave_the_template_are_switched_off(
        self, formation: Any, client: Callable[[str], Any]
    ) -> None:
        """As CloudFormation does, not kept as they were."""
        dynamodb = client("dynamodb")
        full = table(
            TimeToLiveSpecification={"AttributeName": "ttl", "Enabled": True},
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
            DeletionProtectionEnabled=True,
        )
        create(formation, {"Rows": full})

        update(formation, {"Rows": table()})

        lifetime = dynamodb.describe_time_to_live(TableName="rows")["TimeToLiveDescription"]
        assert lifetime["TimeToLiveStatus"] == "DISABLED"
        assert backups(dynamodb) == "DISABLED"
        assert dynamodb.describe_table(TableName="rows")["Table"]["DeletionProtectionEnabled"] is False

    def test_two_new_indexes_at_once_are_refused_and_nothing_has_changed(
        self, formation: Any, client: Callable[[str], Any]
    ) -> None:
        """DynamoDB makes one at a time; the stack goes back to what it was, a table made beside it included."""
        create(formation, {"Rows": table()})
        two = [index("by_group", "group"), index("by_day", "day")]
        wider = table(AttributeDefinitions=attributes("id", "group", "day"), GlobalSecondaryIndexes=two)
        wider["Properties"]["DeletionProtectionEnabled"] = True

        update(formation, {"Before": table("before"), "Rows": wider})

        assert status(formation) == "UPDATE_ROLLBACK_COMPLETE"
        assert reasons(formation)["Rows"] == "Cannot perform more than one GSI creation or deletion in a single update"
        assert client("dynamodb").list_tables()["TableNames"] == ["rows"]
        assert client("dynamodb").describe_table(TableName="rows")["Table"]["DeletionProtectionEnabled"] is False

    def test_a_named_table_cannot_be_replaced(self, formation: Any, client: Callable[[str], Any]) -> None:
        """The change set says that it would be, the update fails."""
        create(formation, {"Rows": table()})
        other = table(
            AttributeDefinitions=attributes("other"), KeySchema=[{"AttributeName": "other", "KeyType": "HASH"}]
        )

        described = look_ahead(formation, template({"Rows": other}))
        formation.execute_change_set(ChangeSetName=described["ChangeSetId"])

        assert changes(described) == [("Modify", "Rows", "True")]
        assert status(formation) == "UPDATE_ROLLBACK_COMPLETE"
        assert client("dynamodb").list_tables()["TableNames"] == ["rows"]

    def test_a_table_with_another_name_replaces_the_one_it_was(
        self, formation: Any, client: Callable[[str], Any]
    ) -> None:
        """The new one is there before the old one goes."""
        create(formation, {"Rows": table()})

        update(formation, {"Rows": table("others")})

        assert client("dynamodb").list_tables()["TableNames"] == ["others"]


class TestOtherResources:
    def test_queue_topic_subscription_and_policy_are_made(self, formation: Any, client: Callable[[str], Any]) -> None:
        """References between them are the services' own names."""
        create(
            formation,
            {
                "Policy": {
                    "Type": "AWS::SNS::TopicPolicy",
                    "Properties": {
                        "Topics": [{"Ref": "Alarms"}],
                        "PolicyDocument": {
                            "Version": "2012-10-17",
                            "Statement": [
                                {
                                    "Effect": "Allow",
                                    "Principal": {"Service": "cloudwatch.amazonaws.com"},
                                    "Action": "sns:Publish",
                                    "Resource": {"Ref": "Alarms"},
                                }
                            ],
                        },
                    },
                },
                "Mail": {
                    "Type": "AWS::SNS::Subscription",
                    "Properties": {"TopicArn": {"Ref": "Alarms"}, "Protocol": "email", "Endpoint": "a@example.com"},
                },
                "Alarms": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "alarms"}},
                "Letters": {
                    "Type": "AWS::SQS::Queue",
                    "Properties": {"SqsManagedSseEnabled": True, "MessageRetentionPeriod": 1209600},
                },
            },
            Outputs={
                "Queue": {"Value": {"Fn::GetAtt": ["Letters", "Arn"]}},
                "Url": {"Value": {"Ref": "Letters"}},
                "Topic": {"Value": {"Ref": "Alarms"}},
            },
        )

        made, sns, sqs = outputs(formation), client("sns"), client("sqs")
        held = sqs.get_queue_attributes(QueueUrl=made["Url"], AttributeNames=["All"])["Attributes"]
        subscribed = sns.list_subscriptions_by_topic(TopicArn=made["Topic"])["Subscriptions"]
        policy = json.loads(sns.get_topic_attributes(TopicArn=made["Topic"])["Attributes"]["Policy"])
        assert held["QueueArn"] == made["Queue"]
        assert made["Queue"].startswith("arn:aws:sqs:us-east-1:123456789012:own-Letters-")
        assert (held["SqsManagedSseEnabled"], held["MessageRetentionPeriod"]) == ("true", "1209600")
        assert [(one["Protocol"], one["Endpoint"]) for one in subscribed] == [("email", "a@example.com")]
        assert policy["Statement"][0]["Resource"] == made["Topic"] == "arn:aws:sns:us-east-1:123456789012:alarms"

    def test_a_generated_secret_stays_until_its_recipe_changes(
        self, formation: Any, client: Callable[[str], Any]
    ) -> None:
        """Ref is its ARN."""

        def body(length: int, description: str) -> dict[str, Any]:
            recipe = {"PasswordLength": length, "ExcludePunctuation": True}
            given = {"Name": "app/token", "Description": description, "GenerateSecretString": recipe}
            return {"Token": {"Type": "AWS::SecretsManager::Secret", "Properties": given}}

        def value() -> str:
            return str(client("secretsmanager").get_secret_value(SecretId="app/token")["SecretString"])

        create(formation, body(40, "one"), Outputs={"Arn": {"Value": {"Ref": "Token"}}})
        first = value()
        update(formation, body(40, "two"), Outputs={"Arn": {"Value": {"Ref": "Token"}}})
        second, described = value(), client("secretsmanager").describe_secret(SecretId="app/token")
        update(formation, body(50, "two"), Outputs={"Arn": {"Value": {"Ref": "Token"}}})

        assert len(first) == 40
        assert first.isalnum()
        assert second == first
        assert described["Description"] == "two"
        assert len(value()) == 50
        assert outputs(formation)["Arn"] == described["ARN"]

    def test_alarms_and_dashboards_are_made_and_changed(self, formation: Any, client: Callable[[str], Any]) -> None:
        """With the exact properties, numbers as text included."""

        def body(threshold: Any) -> dict[str, Any]:
            return {
                "Late": {
                    "Type": "AWS::CloudWatch::Alarm",
                    "Properties": {
                        "AlarmName": "late",
                        "Namespace": "own",
                        "MetricName": "Age",
                        "Dimensions": [{"Name": "stage", "Value": "dev"}],
                        "Statistic": "Maximum",
                        "Period": "60",
                        "EvaluationPeriods": 3,
                        "Threshold": threshold,
                        "ComparisonOperator": "GreaterThanThreshold",
                        "TreatMissingData": "notBreaching",
                        "AlarmActions": ["arn:aws:sns:us-east-1:123456789012:alarms"],
                    },
                },
                "Board": {
                    "Type": "AWS::CloudWatch::Dashboard",
                    "Properties": {
                        "DashboardName": "board",
                        "DashboardBody": {"Fn::Sub": '{"widgets":[{"r":"${AWS::Region}"}]}'},
                    },
                },
            }

        create(formation, body(60))
        update(formation, body("61.5"))

        watch = client("cloudwatch")
        (alarm,) = watch.describe_alarms()["MetricAlarms"]
        board = json.loads(watch.get_dashboard(DashboardName="board")["DashboardBody"])
        assert (alarm["Threshold"], alarm["Period"], alarm["EvaluationPeriods"]) == (61.5, 60, 3)
        assert (alarm["Namespace"], alarm["MetricName"], alarm["TreatMissingData"]) == ("own", "Age", "notBreaching")
        assert alarm["Dimensions"] == [{"Name": "stage", "Value": "dev"}]
        assert board == {"widgets": [{"r": "us-east-1"}]}

    def test_an_unknown_type_or_property_is_refused(self, formation: Any) -> None:
        """Nothing is passed over in silence."""
        unknown = {"Type": "AWS::EFS::FileSystem"}
        strange = table(Colour="green")

        with pytest.raises(ClientError, match="AWS::EFS::FileSystem is not known here"):
            create(formation, {"Files": unknown})
        create(formation, {"Rows": strange})

        assert status(formation) == "ROLLBACK_COMPLETE"
        assert reasons(formation)["Rows"] == "Encountered unsupported property Colour"

    def test_tags_of_the_stack_are_those_of_its_resources(self, formation: Any, client: Callable[[str], Any]) -> None:
        """A resource's own win."""
        own = {"Tags": [{"Key": "a", "Value": "own"}]}
        group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "own"}}

        formation.create_stack(
            StackName="own",
            TemplateBody=template({"Topic": {"Type": "AWS::SNS::Topic", "Properties": own}, "Group": group}),
            Tags=[{"Key": "a", "Value": "stack"}, {"Key": "b", "Value": "stack"}],
        )

        (topic,) = client("sns").list_topics()["Topics"]
        tags = client("sns").list_tags_for_resource(ResourceArn=topic["TopicArn"])["Tags"]
        assert {one["Key"]: one["Value"] for one in tags} == {"a": "own", "b": "stack"}
        assert client("logs").list_tags_log_group(logGroupName="own")["tags"] == {"a": "stack", "b": "stack"}


CONDITIONED: dict[str, Any] = {
    "Rows": table(DeletionProtectionEnabled={"Fn::If": ["Keeps", True, {"Ref": "AWS::NoValue"}]}),
    "Topic": {"Type": "AWS::SNS::Topic", "Condition": "Serves"},
    "Mail": {
        "Type": "AWS::SNS::Subscription",
        "Condition": "Mails",
        "Properties": {"TopicArn": {"Ref": "Topic"}, "Protocol": "email", "Endpoint": {"Ref": "Email"}},
    },
}
CONDITIONS: dict[str, Any] = {
    "Parameters": {
        "Serving": {"Type": "String", "AllowedValues": ["true", "false"], "Default": "true"},
        "Keep": {"Type": "String", "Default": "false"},
        "Email": {"Type": "String", "Default": ""},
    },
    "Conditions": {
        "Serves": {"Fn::Equals": [{"Ref": "Serving"}, "true"]},
        "Keeps": {"Fn::Equals": [{"Ref": "Keep"}, "true"]},
        "Mails": {"Fn::And": [{"Condition": "Serves"}, {"Fn::Not": [{"Fn::Equals": [{"Ref": "Email"}, ""]}]}]},
    },
    "Outputs": {"Topic": {"Condition": "Serves", "Value": {"Ref": "Topic"}}},
}


class TestConditions:
    def test_what_loses_its_condition_is_deleted(self, formation: Any, client: Callable[[str], Any]) -> None:
        """And its output goes; what has none yet is not made."""
        body = template(CONDITIONED, **CONDITIONS)
        formation.create_stack(StackName="own", TemplateBody=body, Parameters=parameters(Email="a@example.com"))
        before = len(client("sns").list_topics()["Topics"]), len(client("sns").list_subscriptions()["Subscriptions"])

        described = look_ahead(formation, body, Parameters=parameters(Serving="false", Email="a@example.com"))
        formation.execute_change_set(ChangeSetName=described["ChangeSetId"])

        assert before == (1, 1)
        assert changes(described) == [("Remove", "Topic", None), ("Remove", "Mail", None)]
        assert client("sns").list_topics()["Topics"] == []
        assert client("sns").list_subscriptions()["Subscriptions"] == []
        assert "Outputs" not in formation.describe_stacks(StackName="own")["Stacks"][0]

    def test_a_parameter_alone_changes_what_uses_it(self, formation: Any, client: Callable[[str], Any]) -> None:
        """Values that are not given again are the defaults, unless the previous ones are asked for."""
        body = template(CONDITIONED, **CONDITIONS)
        formation.create_stack(StackName="own", TemplateBody=body, Parameters=parameters(Serving="false"))

        previous = [{"ParameterKey": "Serving", "UsePreviousValue": True}]
        described = look_ahead(formation, body, Parameters=[*parameters(Keep="true"), *previous])
        formation.execute_change_set(ChangeSetName=described["ChangeSetId"])

        assert changes(described) == [("Modify", "Rows", "False")]
        assert client("dynamodb").describe_table(TableName="rows")["Table"]["DeletionProtectionEnabled"] is True
        assert client("sns").list_topics()["Topics"] == []

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"Serving": "maybe"}, "must be one of AllowedValues"),
            ({"Nobody": "x"}, r"Parameters: \[Nobody\] do not exist in the template"),
        ],
    )
    def test_bad_parameters_are_refused(self, formation: Any, given: dict[str, str], message: str) -> None:
        """Before anything is made."""
        with pytest.raises(ClientError, match=message):
            formation.create_stack(
                StackName="own", TemplateBody=template(CONDITIONED, **CONDITIONS), Parameters=parameters(**given)
            )

        assert formation.describe_stacks()["Stacks"] == []

    @pytest.mark.parametrize("block", ["Resources", "Outputs"])
    def test_a_reference_to_what_is_not_made_is_refused(self, formation: Any, block: str) -> None:
        """As CloudFormation does when it looks at the template, before anything is made."""
        topic = CONDITIONED["Topic"]
        mail = CONDITIONED["Mail"] | {"Condition": "Keeps"}
        resources = {"Topic": topic, "Mail": mail} if block == "Resources" else {"Topic": topic, "Rows": table()}
        rest = CONDITIONS | {"Outputs": {} if block == "Resources" else {"Topic": {"Value": {"Ref": "Topic"}}}}

        with pytest.raises(ClientError, match=rf"Unresolved resource dependencies \[Topic\] in the {block} block"):
            formation.create_stack(
                StackName="own",
                TemplateBody=template(resources, **rest),
                Parameters=parameters(Serving="false", Keep="true"),
            )

        assert formation.describe_stacks()["Stacks"] == []


class TestChangeSets:
    def test_a_stack_is_created_by_one(self, formation: Any, client: Callable[[str], Any]) -> None:
        """Nothing is there until it is carried out."""
        described = look_ahead(formation, template({"Rows": table()}), "CREATE", Capabilities=["CAPABILITY_IAM"])
        formation.get_waiter("change_set_create_complete").wait(ChangeSetName=described["ChangeSetId"])
        before = status(formation), client("dynamodb").list_tables()["TableNames"]

        formation.execute_change_set(StackName="own", ChangeSetName="next")
        formation.get_waiter("stack_create_complete").wait(StackName="own")

        assert before == ("REVIEW_IN_PROGRESS", [])
        assert changes(described) == [("Add", "Rows", None)]
        assert described["Capabilities"] == ["CAPABILITY_IAM"]
        assert client("dynamodb").list_tables()["TableNames"] == ["rows"]

    def test_nothing_to_change_is_a_failed_one(self, formation: Any) -> None:
        """With AWS's own words, which clients look for; the waiter fails too."""
        create(formation, {"Rows": table()})

        described = look_ahead(formation, json.dumps(json.loads(template({"Rows": table()})), indent=2))

        assert (described["Status"], described["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
        assert described["StatusReason"] == NO_CHANGES
        with pytest.raises(WaiterError):
            formation.get_waiter("change_set_create_complete").wait(ChangeSetName=described["ChangeSetId"])
        assert code_of(formation.execute_change_set, ChangeSetName=described["ChangeSetId"]) == "InvalidChangeSetStatus"

    def test_an_update_without_changes_is_an_error(self, formation: Any) -> None:
        """The other way that it arrives."""
        create(formation, {"Rows": table()})

        with pytest.raises(ClientError, match=r"No updates are to be performed\."):
            update(formation, {"Rows": table()})

    def test_all_three_actions_are_listed(self, formation: Any) -> None:
        """What depends on something new is changed too."""
        topic = {"Type": "AWS::SNS::Topic"}
        link = {"Type": "AWS::CloudWatch::Dashboard", "Properties": {"DashboardBody": {"Fn::Sub": '{"t":"${Topic}"}'}}}
        create(formation, {"Topic": topic, "Board": link, "Gone": topic})

        renamed = {**topic, "Properties": {"TopicName": "other"}}
        described = look_ahead(formation, template({"Topic": renamed, "Board": link, "New": topic}))

        assert sorted(changes(described)) == [
            ("Add", "New", None),
            ("Modify", "Board", "False"),
            ("Modify", "Topic", "True"),
            ("Remove", "Gone", None),
        ]

    def test_unknown_stacks_and_change_sets_are_said_to_be(self, formation: Any) -> None:
        """By the codes that clients look at."""
        assert code_of(formation.describe_stacks, StackName="own") == "ValidationError"
        assert code_of(formation.describe_change_set, StackName="own", ChangeSetName="next") == "ChangeSetNotFound"
        with pytest.raises(ClientError, match=r"Stack \[own\] does not exist"):
            look_ahead(formation, template({"Rows": table()}))


class TestEnds:
    def test_deleting_a_stack_deletes_what_it_holds(self, formation: Any, client: Callable[[str], Any]) -> None:
        """All but what is to be retained."""
        kept = table("kept") | {"DeletionPolicy": "Retain"}
        secret = {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "s", "SecretString": "x"}}
        group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "own", "RetentionInDays": 30}}
        create(formation, {"Rows": table(), "Kept": kept, "Secret": secret, "Group": group})
        days = client("logs").describe_log_groups()["logGroups"][0]["retentionInDays"]

        formation.delete_stack(StackName="own")
        formation.get_waiter("stack_delete_complete").wait(StackName="own")

        assert days == 30
        assert client("dynamodb").list_tables()["TableNames"] == ["kept"]
        assert client("secretsmanager").list_secrets()["SecretList"] == []
        assert client("logs").describe_log_groups()["logGroups"] == []

    def test_a_protected_table_keeps_its_stack(self, formation: Any, client: Callable[[str], Any]) -> None:
        """DELETE_FAILED names it; what is beside it is gone, and unprotected it goes too."""
        create(formation, {"Rows": table(DeletionProtectionEnabled=True), "Others": table("others")})

        formation.delete_stack(StackName="own")
        first = status(formation), client("dynamodb").list_tables()["TableNames"]
        client("dynamodb").update_table(TableName="rows", DeletionProtectionEnabled=False)
        formation.delete_stack(StackName="own")

        assert first == ("DELETE_FAILED", ["rows"])
        assert client("dynamodb").list_tables()["TableNames"] == []
        assert code_of(formation.describe_stacks, StackName="own") == "ValidationError"

    def test_a_protected_stack_is_not_deleted(self, formation: Any, client: Callable[[str], Any]) -> None:
        """Until its protection is taken off."""
        formation.create_stack(
            StackName="own", TemplateBody=template({"Rows": table()}), EnableTerminationProtection=True
        )

        with pytest.raises(ClientError, match="cannot be deleted while TerminationProtection is enabled"):
            formation.delete_stack(StackName="own")
        kept = client("dynamodb").list_tables()["TableNames"]
        formation.update_termination_protection(StackName="own", EnableTerminationProtection=False)
        formation.delete_stack(StackName="own")

        assert kept == ["rows"]
        assert client("dynamodb").list_tables()["TableNames"] == []

    def test_a_creation_that_fails_leaves_nothing(self, formation: Any, client: Callable[[str], Any]) -> None:
        """The stack stays, as one that cannot be updated."""
        client("dynamodb").create_table(**table("taken")["Properties"])

        create(formation, {"Rows": table(), "Taken": table("taken") | {"DependsOn": "Rows"}})

        assert status(formation) == "ROLLBACK_COMPLETE"
        assert "Taken" in reasons(formation)
        assert client("dynamodb").list_tables()["TableNames"] == ["taken"]
        with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
            look_ahead(formation, template({"Rows": table()}))


def test_short_forms_of_the_functions_are_read(formation: Any, client: Callable[[str], Any]) -> None:
    """YAML with tags, as many templates are written."""
    body = """
    AWSTemplateFormatVersion: 2010-09-09
    Parameters: {Stage: {Type: String, Default: dev}}
    Mappings: {Days: {dev: {Kept: 7}}}
    Resources:
      Letters: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub "own-${Stage}"}}
    Outputs:
      Name: {Value: !Select [5, !Split [":", !GetAtt Letters.Arn]]}
      Days: {Value: !FindInMap [Days, !Ref Stage, Kept]}
      Both: {Value: !Join ["-", [!Ref Stage, !Ref "AWS::StackName"]]}
    """
    formation.create_stack(StackName="own", TemplateBody=body)

    assert outputs(formation) == {"Name": "own-dev", "Days": "7", "Both": "dev-own"}
    assert len(client("sqs").list_queues()["QueueUrls"]) == 1


def test_a_network_is_made_widened_and_deleted(formation: Any, client: Callable[[str], Any]) -> None:
    """The template of the static address: widened in place, and the addresses outlive it."""
    body, ec2 = EGRESS.read_text(), client("ec2")
    created = formation.create_stack(StackName="own", TemplateBody=body, Parameters=parameters(Stage="dev"))
    first = outputs(formation)

    both = parameters(Stage="dev", TwoZones="true")
    described = look_ahead(formation, body, Parameters=both)
    formation.execute_change_set(ChangeSetName=described["ChangeSetId"])
    second = outputs(formation)
    (group,) = ec2.describe_security_groups(GroupIds=[second["SecurityGroupId"]])["SecurityGroups"]
    (endpoint,) = ec2.describe_vpc_endpoints()["VpcEndpoints"]
    formation.delete_stack(StackName="own")

    (deleted,) = formation.describe_stacks(StackName=created["StackId"])["Stacks"]
    assert [one for one in changes(described) if one[0] != "Add"] == [("Modify", "DynamoDbEndpoint", "False")]
    assert second["SubnetIds"].startswith(first["SubnetIds"] + ",")
    assert len(endpoint["RouteTableIds"]) == 2
    assert group["IpPermissions"] == []
    assert [(one["FromPort"], one["ToPort"]) for one in group["IpPermissionsEgress"]] == [(443, 443)]
    assert deleted["StackStatus"] == "DELETE_COMPLETE"
    assert [one["IsDefault"] for one in ec2.describe_vpcs()["Vpcs"]] == [True]
    kept = {one["PublicIp"] for one in ec2.describe_addresses()["Addresses"]}
    assert kept == {second["NewAddressA"], second["NewAddressB"]}


def backups(dynamodb: Any) -> str:
    held = dynamodb.describe_continuous_backups(TableName="rows")["ContinuousBackupsDescription"]
    return str(held["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"])
