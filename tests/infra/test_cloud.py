"""AWS on this machine as a server: whom it answers, what it records, and what Lambda and API Gateway do there."""

import http.client
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.local.cloud import Cloud, serve_cloud
from tests.infra.dynamodb_requests import REGION, client_of, code_of

POLICY = {"Version": "2012-10-17", "Statement": []}
ROLE = "arn:aws:iam::123456789012:role/own"


@pytest.fixture(scope="module")
def running() -> Iterator[Cloud]:
    with serve_cloud(record=True) as cloud:
        yield cloud


@pytest.fixture
def cloud(running: Cloud) -> Iterator[Cloud]:
    running.reset()
    yield running
    running.reset()


@pytest.fixture
def functions(cloud: Cloud) -> Any:
    """A client of Lambda, where one function is there."""
    client_of(cloud.url, "iam").create_role(RoleName="own", AssumeRolePolicyDocument=json.dumps(POLICY))
    client = client_of(cloud.url, "lambda")
    make_function(client, "own")
    return client


def make_function(client: Any, name: str) -> str:
    made = client.create_function(
        FunctionName=name, Runtime="python3.11", Role=ROLE, Handler="app.app", Code={"ZipFile": package(name)}
    )
    return str(made["FunctionArn"])


def package(text: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(zipfile.ZipInfo("app.py"), text)  # else with the time of day in it
    return content.getvalue()


def make_stream(cloud: Cloud, name: str = "rows") -> str:
    made = client_of(cloud.url, "dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return str(made["TableDescription"]["LatestStreamArn"])


class TestServer:
    @pytest.mark.parametrize(
        ("service", "action", "key"),
        [
            ("cloudformation", "list_stacks", "StackSummaries"),
            ("cloudwatch", "list_metrics", "Metrics"),
            ("dynamodb", "list_tables", "TableNames"),
            ("dynamodbstreams", "list_streams", "Streams"),
            ("ec2", "describe_vpcs", "Vpcs"),
            ("events", "list_rules", "Rules"),
            ("iam", "list_roles", "Roles"),
            ("lambda", "list_functions", "Functions"),
            ("logs", "describe_log_groups", "logGroups"),
            ("apigateway", "get_rest_apis", "items"),
            ("secretsmanager", "list_secrets", "SecretList"),
            ("sns", "list_topics", "Topics"),
            ("sqs", "list_queues", "ResponseMetadata"),
            ("sts", "get_caller_identity", "Account"),
        ],
    )
    def test_every_service_of_a_deployment_answers(self, cloud: Cloud, service: str, action: str, key: str) -> None:
        """At one address, by the service that the signature names."""
        assert key in getattr(client_of(cloud.url, service), action)()

    def test_unsigned_requests_unknown_services_and_web_pages_are_refused(self, cloud: Cloud) -> None:
        """As by the database."""
        connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=30)
        signed = f"AWS4-HMAC-SHA256 Credential=test/20250101/{REGION}/%s/aws4_request, Signature=0"

        def status(**headers: str) -> int:
            connection.request("GET", "/", headers=headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status

        statuses = [
            status(),
            status(Authorization=signed % "nothing"),
            status(Authorization=signed % "sts", Origin="http://example.com"),
        ]
        connection.close()

        assert statuses == [400, 400, 403]

    def test_an_action_that_nobody_wrote_is_said_to_be_none(self, cloud: Cloud) -> None:
        """At once: it is no failure that a second try could mend."""
        assert code_of(client_of(cloud.url, "dynamodb").list_global_tables) == "NotImplemented"

    def test_calls_are_recorded_with_their_key_and_parameters(self, cloud: Cloud) -> None:
        """Of each protocol: JSON, forms, REST. CloudFormation's own calls are none of its caller's."""
        session = boto3.Session(aws_access_key_id="sweep", aws_secret_access_key="x", region_name=REGION)
        table = {"TableName": "rows", "Key": {"id": {"S": "x"}}}
        queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "own"}}

        for service, action, parameters in [
            ("dynamodb", "get_item", table),
            ("sns", "create_topic", {"Name": "own"}),
            ("lambda", "get_function", {"FunctionName": "own"}),
            (
                "cloudformation",
                "create_stack",
                {"StackName": "s", "TemplateBody": json.dumps({"Resources": {"Q": queue}})},
            ),
            ("cloudwatch", "delete_alarms", {"AlarmNames": ["a"]}),
        ]:
            code_of(getattr(session.client(service, endpoint_url=cloud.url), action), **parameters)

        calls = cloud.calls()
        assert {one.access_key_id for one in calls} == {"sweep"}
        assert [(one.service, one.action) for one in calls] == [
            ("dynamodb", "GetItem"),
            ("sns", "CreateTopic"),
            ("lambda", "GetFunction"),
            ("cloudformation", "CreateStack"),
            ("cloudwatch", "DeleteAlarms"),
        ]
        assert calls[0].parameters == table
        assert calls[1].parameters["Name"] == "own"
        assert calls[2].parameters["FunctionName"] == "own"
        assert calls[4].parameters == {"AlarmNames": ["a"]}

    def test_reset_empties_everything(self, cloud: Cloud) -> None:
        """Stacks too, and the record."""
        formation = client_of(cloud.url, "cloudformation")
        formation.create_stack(
            StackName="s", TemplateBody=json.dumps({"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}})
        )

        cloud.reset()

        recorded = cloud.calls()
        assert recorded == []
        assert formation.describe_stacks()["Stacks"] == []
        assert "QueueUrls" not in client_of(cloud.url, "sqs").list_queues()

    def test_the_command_says_where_it_listens(self) -> None:
        """And ends with the process that started it."""
        command = subprocess.Popen(
            [sys.executable, "-m", "infra.local.cloud", "--port", "0", "--exit-with-parent"],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with command:
            assert command.stdout is not None
            url = command.stdout.readline().removeprefix("cloud listening on ").strip()
            account = client_of(url, "sts").get_caller_identity()["Account"]
            _, errors = command.communicate(timeout=10)

        assert account == "123456789012"
        assert (command.returncode, errors) == (0, "")


class TestLambda:
    def test_every_setting_of_a_mapping_is_kept(self, cloud: Cloud, functions: Any) -> None:
        """What an update does not name stays; unset ones show Lambda's defaults."""
        stream = make_stream(cloud)
        made = functions.create_event_source_mapping(
            EventSourceArn=stream, FunctionName="own", BatchSize=10, StartingPosition="TRIM_HORIZON"
        )
        settings = {
            "FilterCriteria": {"Filters": [{"Pattern": "{}"}]},
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "BisectBatchOnFunctionError": True,
            "MaximumRetryAttempts": 5,
            "MaximumRecordAgeInSeconds": 60,
            "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:123456789012:letters"}},
            "ParallelizationFactor": 2,
        }

        functions.update_event_source_mapping(UUID=made["UUID"], **settings)
        functions.update_event_source_mapping(UUID=made["UUID"], BatchSize=25)

        held = functions.get_event_source_mapping(UUID=made["UUID"])
        assert {name: held[name] for name in settings} == settings
        assert (held["BatchSize"], held["State"]) == (25, "Enabled")
        assert (made["MaximumRetryAttempts"], made["FunctionResponseTypes"]) == (-1, [])

    def test_a_function_reads_a_stream_once(self, cloud: Cloud, functions: Any) -> None:
        """Two functions may read the same; the mappings of one are found by its name and by its ARN."""
        stream, other = make_stream(cloud), make_function(functions, "other")
        first = {"EventSourceArn": stream, "FunctionName": "own", "StartingPosition": "LATEST"}
        functions.create_event_source_mapping(**first)
        functions.create_event_source_mapping(**{**first, "FunctionName": other})

        again = code_of(functions.create_event_source_mapping, **first)

        assert again == "ResourceConflictException"
        for name in (other, "other"):
            (held,) = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
            assert held["FunctionArn"] == other

    def test_retries_of_asynchronous_calls_are_what_was_set_last(self, functions: Any) -> None:
        """Put replaces, update adds."""
        functions.put_function_event_invoke_config(FunctionName="own", MaximumRetryAttempts=2)
        functions.put_function_event_invoke_config(FunctionName="own", MaximumRetryAttempts=0)

        functions.update_function_event_invoke_config(FunctionName="own", MaximumEventAgeInSeconds=60)

        held = functions.get_function_event_invoke_config(FunctionName="own")
        assert (held["MaximumRetryAttempts"], held["MaximumEventAgeInSeconds"]) == (0, 60)

    def test_concurrency_is_limited_by_the_account(self, cloud: Cloud, functions: Any) -> None:
        """1000, of which 100 cannot be reserved; a new account may have 10 and reserve none."""
        functions.put_function_concurrency(FunctionName="own", ReservedConcurrentExecutions=900)
        limits = functions.get_account_settings()["AccountLimit"]
        make_function(functions, "other")
        with pytest.raises(ClientError, match=r"below its minimum value of \[100\]"):
            functions.put_function_concurrency(FunctionName="other", ReservedConcurrentExecutions=1)

        cloud.set_concurrency_limit(10)

        with pytest.raises(ClientError, match=r"below its minimum value of \[10\]"):
            functions.put_function_concurrency(FunctionName="own", ReservedConcurrentExecutions=1)
        assert (limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]) == (1000, 100)
        assert functions.get_account_settings()["AccountLimit"]["ConcurrentExecutions"] == 10

    def test_tags_and_tracing_change(self, functions: Any) -> None:
        """On a function that is there."""
        arn = functions.get_function(FunctionName="own")["Configuration"]["FunctionArn"]

        functions.tag_resource(Resource=arn, Tags={"a": "1", "b": "2"})
        functions.untag_resource(Resource=arn, TagKeys=["a"])
        functions.update_function_configuration(FunctionName="own", TracingConfig={"Mode": "Active"})
        functions.get_waiter("function_updated_v2").wait(FunctionName="own")
        functions.get_waiter("function_active_v2").wait(FunctionName="own")

        assert functions.list_tags(Resource=arn)["Tags"] == {"b": "2"}
        assert functions.get_function_configuration(FunctionName="own")["TracingConfig"] == {"Mode": "Active"}

    def test_functions_run_where_a_test_runs_them(self, cloud: Cloud, functions: Any) -> None:
        """Called and waited for; a call that nobody waits for is taken and comes to nothing."""
        refused = code_of(functions.invoke, FunctionName="own", Payload=b"{}")

        cloud.run_functions_with(lambda name, event: json.dumps({"name": name, **json.loads(event)}).encode())
        answer = functions.invoke(FunctionName="own", Payload=b'{"n": 1}')
        taken = functions.invoke(FunctionName="own", InvocationType="Event", Payload=b"{}")

        assert refused == "InvalidParameterValueException"
        assert json.loads(answer["Payload"].read()) == {"name": "own", "n": 1}
        assert (taken["StatusCode"], taken["Payload"].read()) == (202, b"")

    def test_packages_are_the_bytes_that_were_uploaded(self, cloud: Cloud, functions: Any) -> None:
        """A layer's by the ARN of its version, which can be asked for too."""
        layer = functions.publish_layer_version(LayerName="libs", Content={"ZipFile": package("libs")})

        held = functions.get_layer_version_by_arn(Arn=layer["LayerVersionArn"])

        assert cloud.function_package("own") == package("own")
        assert cloud.layer_package(layer["LayerVersionArn"]) == package("libs")
        assert held["LayerVersionArn"] == layer["LayerVersionArn"]
        missing = layer["LayerVersionArn"].removesuffix("1") + "7"
        assert code_of(functions.get_layer_version_by_arn, Arn=missing) == "ResourceNotFoundException"


class TestApiGateway:
    def test_swagger_is_imported_and_put_with_its_policy(self, cloud: Cloud) -> None:
        """A document without a description, as Chalice writes it; one without a policy takes it off."""
        client = client_of(cloud.url, "apigateway")
        document = {
            "swagger": "2.0",
            "info": {"version": "1.0", "title": "own"},
            "x-amazon-apigateway-policy": POLICY,
            "paths": {"/": {"get": method("first")}, "/a/b": {"post": method("first")}},
        }

        made = client.import_rest_api(body=json.dumps(document), parameters={"endpointConfigurationTypes": "REGIONAL"})
        first = client.get_rest_api(restApiId=made["id"])
        del document["x-amazon-apigateway-policy"]
        document["paths"] = {"/": {"get": method("second")}}
        client.put_rest_api(restApiId=made["id"], mode="overwrite", body=json.dumps(document))

        second = client.get_rest_api(restApiId=made["id"])
        (root,) = client.get_resources(restApiId=made["id"])["items"]
        held = client.get_method(restApiId=made["id"], resourceId=root["id"], httpMethod="GET")
        integration = client.get_integration(restApiId=made["id"], resourceId=root["id"], httpMethod="GET")
        assert json.loads(first["policy"]) == POLICY
        assert first["endpointConfiguration"]["types"] == ["REGIONAL"]
        assert "policy" not in second
        assert second["rootResourceId"] == root["id"]
        assert held["authorizationType"] == "NONE"
        assert integration["uri"].endswith("second/invocations")

    def test_settings_of_a_stage_survive_the_next_deployment(self, cloud: Cloud) -> None:
        """Only what it deploys is another."""
        client = client_of(cloud.url, "apigateway")
        document = {"openapi": "3.0.1", "info": {"title": "own"}, "paths": {"/": {"get": method("own")}}}
        api = client.import_rest_api(body=json.dumps(document))["id"]
        client.create_deployment(restApiId=api, stageName="api")
        patch = {"op": "replace", "path": "/*/*/throttling/rateLimit", "value": "5"}
        client.update_stage(restApiId=api, stageName="api", patchOperations=[patch])

        second = client.create_deployment(restApiId=api, stageName="api")["id"]

        stage = client.get_stage(restApiId=api, stageName="api")
        assert stage["deploymentId"] == second
        assert stage["methodSettings"]["*/*"]["throttlingRateLimit"] == 5.0


def method(function: str) -> dict[str, Any]:
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"
    integration = {"type": "aws_proxy", "httpMethod": "POST", "uri": uri}
    return {"responses": {"200": {"description": ""}}, "x-amazon-apigateway-integration": integration}
