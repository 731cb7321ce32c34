"""What moto does without the wraps of the cloud: a test that fails here says that its wrap can go."""

import json
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.core import responses
from moto.dynamodb.responses import DynamoHandler
from moto.server import ThreadedMotoServer

from infra.local import moto_cloud, moto_safety
from tests.infra.dynamodb_requests import client_of, code_of
from tests.infra.test_cloud import POLICY, ROLE, make_function, method
from tests.infra.test_cloud_stacks import table, template

Client = Callable[[str], Any]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    """Clients of moto's own server, empty, with moto's own functions in place."""
    from moto.core.base_backend import BackendDict

    moto_safety.remove()
    moto_cloud.remove()
    BackendDict.reset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what moto's CloudFormation says of what it does not make
        yield lambda service: client_of(url, service)
    BackendDict.reset()
    moto_safety.install()
    moto_cloud.install()


@pytest.fixture
def functions(client: Client) -> Any:
    """A client of Lambda, where one function is there."""
    client("iam").create_role(RoleName=ROLE.rpartition("/")[2], AssumeRolePolicyDocument=json.dumps(POLICY))
    made = client("lambda")
    make_function(made, "own")
    return made


def create(client: Client, resources: dict[str, Any], **rest: Any) -> str:
    formation = client("cloudformation")
    formation.create_stack(StackName="own", TemplateBody=template(resources), **rest)
    return str(formation.describe_stacks(StackName="own")["Stacks"][0]["StackStatus"])


class TestCloudFormation:
    """All of it stands for `infra.local.stacks`."""

    @pytest.mark.parametrize(
        ("service", "action", "kind", "properties"),
        [
            ("secretsmanager", "list_secrets", "SecretsManager::Secret", {"Name": "s", "SecretString": "x"}),
            (
                "cloudwatch",
                "describe_alarms",
                "CloudWatch::Alarm",
                {
                    "AlarmName": "a",
                    "Namespace": "n",
                    "MetricName": "m",
                    "Statistic": "Sum",
                    "Period": 60,
                    "EvaluationPeriods": 1,
                    "Threshold": 1,
                    "ComparisonOperator": "GreaterThanThreshold",
                },
            ),
            (
                "sns",
                "list_subscriptions",
                "SNS::Subscription",
                {"Protocol": "email", "Endpoint": "a@example.com", "TopicArn": "arn:aws:sns:us-east-1:123456789012:t"},
            ),
        ],
    )
    def test_reports_success_and_makes_nothing(
        self, client: Client, service: str, action: str, kind: str, properties: dict[str, Any]
    ) -> None:
        """So a test of a deployment would see nothing wrong."""
        client("sns").create_topic(Name="t")

        status = create(client, {"One": {"Type": f"AWS::{kind}", "Properties": properties}})

        answer = getattr(client(service), action)()
        assert status == "CREATE_COMPLETE"
        assert [held for name, held in answer.items() if name != "ResponseMetadata" and held] == []

    def test_drops_the_policy_of_a_topic(self, client: Client) -> None:
        """The topic keeps the one that it had."""
        arn = client("sns").create_topic(Name="t")["TopicArn"]

        own = {"Type": "AWS::SNS::TopicPolicy", "Properties": {"Topics": [arn], "PolicyDocument": POLICY}}
        create(client, {"One": own})

        held = client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"]
        assert json.loads(held) != POLICY

    def test_drops_the_lifetime_and_the_backups_of_a_table(self, client: Client) -> None:
        """CreateTable does not take them."""
        properties = {
            "TimeToLiveSpecification": {"AttributeName": "ttl", "Enabled": True},
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        }

        create(client, {"Rows": table(**properties)})

        dynamodb = client("dynamodb")
        backups = dynamodb.describe_continuous_backups(TableName="rows")["ContinuousBackupsDescription"]
        assert (
            dynamodb.describe_time_to_live(TableName="rows")["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED"
        )
        assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "DISABLED"

    def test_does_not_change_a_table(self, client: Client) -> None:
        """The update is an error, or it changes nothing."""
        create(client, {"Rows": table()})

        body = template({"Rows": table(DeletionProtectionEnabled=True)})
        code_of(client("cloudformation").update_stack, StackName="own", TemplateBody=body)

        assert client("dynamodb").describe_table(TableName="rows")["Table"]["DeletionProtectionEnabled"] is False

    def test_deletes_a_protected_stack(self, client: Client) -> None:
        """Termination protection is shown and not heeded."""
        create(client, {"Rows": table()}, EnableTerminationProtection=True)

        assert code_of(client("cloudformation").delete_stack, StackName="own") == "OK"

    def test_sees_a_change_in_another_layout(self, client: Client) -> None:
        """And none in another value of a parameter."""
        formation = client("cloudformation")
        body = json.dumps(
            {
                "Parameters": {"Name": {"Type": "String"}},
                "Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Ref": "Name"}}}},
            }
        )
        name = {"ParameterKey": "Name", "ParameterValue": "one"}
        formation.create_stack(StackName="own", TemplateBody=body, Parameters=[name])

        other = {"ParameterKey": "Name", "ParameterValue": "two"}
        made = formation.create_change_set(
            StackName="own", ChangeSetName="c", ChangeSetType="UPDATE", TemplateBody=body, Parameters=[other]
        )

        assert formation.describe_change_set(ChangeSetName=made["Id"])["Changes"] == []


class TestApiGateway:
    DOCUMENT = json.dumps(
        {
            "openapi": "3.0.1",
            "info": {"title": "own", "description": "", "version": "1"},
            "x-amazon-apigateway-policy": POLICY,
            "paths": {"/": {"get": method("own")}},
        }
    )

    def test_fails_without_a_description(self, client: Client) -> None:
        """`_import_document`."""
        body = json.dumps({"openapi": "3.0.1", "info": {"title": "own"}, "paths": {}})

        with pytest.raises(ClientError, match="500"):
            client("apigateway").import_rest_api(body=body)

    def test_refuses_swagger(self, client: Client) -> None:
        """`_put_rest_api`."""
        body = json.dumps({"swagger": "2.0", "info": {"title": "own", "description": ""}, "paths": {}})

        assert code_of(client("apigateway").import_rest_api, body=body) == "BadRequestException"

    def test_drops_policy_type_compression_and_root(self, client: Client) -> None:
        """`_put_rest_api`, `_import_rest_api`, `_patch_api`."""
        gateway = client("apigateway")
        made = gateway.import_rest_api(body=self.DOCUMENT, parameters={"endpointConfigurationTypes": "REGIONAL"})
        patch = {"op": "replace", "path": "/minimumCompressionSize", "value": "1024"}
        gateway.update_rest_api(restApiId=made["id"], patchOperations=[patch])
        gateway.put_rest_api(restApiId=made["id"], mode="overwrite", body=self.DOCUMENT)

        held = gateway.get_rest_api(restApiId=made["id"])
        (root,) = gateway.get_resources(restApiId=made["id"])["items"]
        got = gateway.get_method(restApiId=made["id"], resourceId=root["id"], httpMethod="GET")
        assert "policy" not in held
        assert held["endpointConfiguration"]["types"] == ["EDGE"]
        assert "minimumCompressionSize" not in held
        assert held["rootResourceId"] != root["id"]
        assert "authorizationType" not in got

    def test_forgets_the_settings_of_a_stage(self, client: Client) -> None:
        """`_create_deployment`."""
        gateway = client("apigateway")
        api = gateway.import_rest_api(body=self.DOCUMENT)["id"]
        gateway.create_deployment(restApiId=api, stageName="api")
        patch = {"op": "replace", "path": "/*/*/throttling/rateLimit", "value": "5"}
        gateway.update_stage(restApiId=api, stageName="api", patchOperations=[patch])

        gateway.create_deployment(restApiId=api, stageName="api")

        assert gateway.get_stage(restApiId=api, stageName="api").get("methodSettings", {}) == {}


class TestLambda:
    @pytest.mark.parametrize(
        ("action", "parameters"),
        [
            ("get_account_settings", {}),
            ("get_layer_version_by_arn", {"Arn": "arn:aws:lambda:us-east-1:123456789012:layer:libs:1"}),
        ],
    )
    def test_does_not_know_two_actions(self, functions: Any, action: str, parameters: dict[str, str]) -> None:
        """`_get_account_settings`, `_get_layer_version_by_arn`."""
        if action == "get_layer_version_by_arn":
            functions.publish_layer_version(LayerName="libs", Content={"ZipFile": b"x"})

        assert code_of(getattr(functions, action), **parameters) in {"500", "404"}

    def test_lets_a_function_reserve_what_is_not_there(self, functions: Any) -> None:
        """`_put_function_concurrency`."""
        code = code_of(functions.put_function_concurrency, FunctionName="own", ReservedConcurrentExecutions=5000)

        assert code == "OK"

    def test_shows_the_first_configuration_for_asynchronous_calls(self, functions: Any) -> None:
        """`_put_event_invoke_config`, `_update_event_invoke_config`."""
        functions.put_function_event_invoke_config(FunctionName="own", MaximumRetryAttempts=2)
        functions.put_function_event_invoke_config(FunctionName="own", MaximumRetryAttempts=0)

        assert functions.get_function_event_invoke_config(FunctionName="own")["MaximumRetryAttempts"] == 2

    def test_lets_a_function_read_a_stream_twice(self, client: Client, functions: Any) -> None:
        """`_create_mapping`, `_list_mappings`, `_describe_mapping`."""
        made = client("dynamodb").create_table(
            **table(StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})["Properties"]
        )
        stream, arn = made["TableDescription"]["LatestStreamArn"], make_function(functions, "other")
        for name in ("own", "own", arn):
            functions.create_event_source_mapping(EventSourceArn=stream, FunctionName=name, StartingPosition="LATEST")

        held = functions.list_event_source_mappings(FunctionName="own")["EventSourceMappings"]
        by_name = functions.list_event_source_mappings(FunctionName="other")["EventSourceMappings"]
        assert len(held) == 2
        assert by_name == []
        assert "MaximumRetryAttempts" not in held[0]

    def test_starts_a_container_for_a_write(
        self, client: Client, functions: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """`_deliver_stream_items`, `_invoke`: each looks for Docker."""
        from moto.awslambda.models import LambdaFunction

        started: list[str] = []

        def run(function: LambdaFunction, event: Any = None) -> tuple[str, bool, str]:
            started.append(function.function_name)
            return "{}", False, ""

        monkeypatch.setattr(LambdaFunction, "_invoke_lambda", run)
        made = client("dynamodb").create_table(
            **table(StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})["Properties"]
        )
        functions.create_event_source_mapping(
            EventSourceArn=made["TableDescription"]["LatestStreamArn"], FunctionName="own", StartingPosition="LATEST"
        )

        code_of(client("dynamodb").put_item, TableName="rows", Item={"id": {"S": "x"}})
        code_of(functions.invoke, FunctionName="own", InvocationType="Event", Payload=b"{}")

        assert started == ["own", "own"]

    def test_passes_over_tracing(self, functions: Any) -> None:
        """`_update_configuration`."""
        functions.update_function_configuration(FunctionName="own", TracingConfig={"Mode": "Active"})

        assert functions.get_function_configuration(FunctionName="own")["TracingConfig"]["Mode"] == "PassThrough"


def test_lists_the_methods_of_a_handler_for_every_request(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """`_method_names` of the database's wraps."""
    own, listed = responses.method_names_from_class, []
    monkeypatch.setattr(responses, "method_names_from_class", lambda one: [listed.append(one), own(one)][1])

    for _ in range(2):
        client("dynamodb").list_tables()

    assert listed == [DynamoHandler, DynamoHandler]
