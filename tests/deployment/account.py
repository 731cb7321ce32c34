"""Everything that an account holds, for comparing before with after."""

import json
from collections.abc import Callable
from typing import Any

from tests.deployment.desk import DeploymentDesk

_VOLATILE = (
    "ResponseMetadata",
    "LastModified",
    "RevisionId",
    "AlarmConfigurationUpdatedTimestamp",
    "StateUpdatedTimestamp",
)


def everything(desk: DeploymentDesk) -> dict[str, Any]:
    """By kind and name, in AWS's own words."""
    return {
        f"{kind} {name}": _stable(value) for kind, read in _KINDS.items() for name, value in read(desk.client).items()
    }


def _stable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _stable(part) for key, part in value.items() if key not in _VOLATILE}
    return [_stable(part) for part in value] if isinstance(value, list) else value


Client = Callable[[str], Any]


def functions(client: Client) -> dict[str, Any]:
    """Configuration, reserved concurrency, tags, settings of asynchronous calls, the resource policy."""
    found = {}
    for entry in client("lambda").list_functions()["Functions"]:
        name = entry["FunctionName"]
        whole = client("lambda").get_function(FunctionName=name)
        found[name] = {
            **whole["Configuration"],
            "Concurrency": whole.get("Concurrency", {}).get("ReservedConcurrentExecutions"),
            "Tags": whole.get("Tags", {}),
            "Async": _or_none(lambda name=name: client("lambda").get_function_event_invoke_config(FunctionName=name)),
            "Policy": _policy(_or_none(lambda name=name: client("lambda").get_policy(FunctionName=name))),
        }
    return found


def mappings(client: Client) -> dict[str, Any]:
    found = client("lambda").list_event_source_mappings()["EventSourceMappings"]
    return {entry["UUID"]: entry for entry in found}


def apis(client: Client) -> dict[str, Any]:
    gateway = client("apigateway")
    found = {}
    for api in gateway.get_rest_apis()["items"]:
        resources = gateway.get_resources(restApiId=api["id"], limit=500)["items"]
        paths = {entry["path"]: sorted(entry.get("resourceMethods", {})) for entry in resources}
        stages = [entry["stageName"] for entry in gateway.get_stages(restApiId=api["id"])["item"]]
        found[api["id"]] = {**api, "paths": paths, "stages": stages}
    return found


def roles(client: Client) -> dict[str, Any]:
    iam = client("iam")
    found = {}
    for role in iam.list_roles()["Roles"]:
        name = role["RoleName"]
        policies = {
            policy: iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
        }
        found[name] = {"trust": role["AssumeRolePolicyDocument"], "policies": policies}
    return found


def rules(client: Client) -> dict[str, Any]:
    events = client("events")
    return {
        rule["Name"]: {
            "schedule": rule["ScheduleExpression"],
            "state": rule["State"],
            "targets": [target["Arn"] for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]],
        }
        for rule in events.list_rules()["Rules"]
    }


def log_groups(client: Client) -> dict[str, Any]:
    groups = client("logs").describe_log_groups()["logGroups"]
    return {group["logGroupName"]: group.get("retentionInDays") for group in groups}


def tables(client: Client) -> dict[str, Any]:
    dynamodb = client("dynamodb")
    found = {}
    for name in dynamodb.list_tables()["TableNames"]:
        table = dynamodb.describe_table(TableName=name)["Table"]
        backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        found[name] = {
            "keys": table["KeySchema"],
            "indexes": {index["IndexName"] for index in table.get("GlobalSecondaryIndexes", ())},
            "stream": table.get("LatestStreamArn"),
            "protected": table.get("DeletionProtectionEnabled"),
            "billing": table["BillingModeSummary"]["BillingMode"],
            "ttl": dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"].get("AttributeName"),
            "backups": backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
        }
    return found


def secrets(client: Client) -> dict[str, Any]:
    manager = client("secretsmanager")
    names = [entry["Name"] for entry in manager.list_secrets()["SecretList"]]
    return {name: manager.get_secret_value(SecretId=name)["SecretString"] for name in names}


def topics(client: Client) -> dict[str, Any]:
    sns = client("sns")
    arns = [entry["TopicArn"] for entry in sns.list_topics()["Topics"]]
    return {
        arn: [
            (entry["Protocol"], entry["Endpoint"])
            for entry in sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
        ]
        for arn in arns
    }


def alarms(client: Client) -> dict[str, Any]:
    found = client("cloudwatch").describe_alarms()["MetricAlarms"]
    return {alarm["AlarmName"]: alarm for alarm in found}


def dashboards(client: Client) -> dict[str, Any]:
    cloudwatch = client("cloudwatch")
    names = [entry["DashboardName"] for entry in cloudwatch.list_dashboards()["DashboardEntries"]]
    return {name: json.loads(cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"]) for name in names}


def queues(client: Client) -> dict[str, Any]:
    sqs = client("sqs")
    return {
        url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        for url in sqs.list_queues().get("QueueUrls", ())
    }


def layers(client: Client) -> dict[str, Any]:
    return {
        entry["LayerName"]: entry["LatestMatchingVersion"]["Version"]
        for entry in client("lambda").list_layers()["Layers"]
    }


def stacks(client: Client) -> dict[str, Any]:
    found = client("cloudformation").describe_stacks()["Stacks"]
    return {stack["StackName"]: {key: stack[key] for key in ("StackStatus", "Parameters")} for stack in found}


_KINDS: dict[str, Callable[[Client], dict[str, Any]]] = {
    "function": functions,
    "mapping": mappings,
    "api": apis,
    "role": roles,
    "rule": rules,
    "log group": log_groups,
    "table": tables,
    "secret": secrets,
    "topic": topics,
    "alarm": alarms,
    "dashboard": dashboards,
    "queue": queues,
    "layer": layers,
}


def _or_none(read: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    from botocore.exceptions import ClientError

    try:
        return read()
    except ClientError:
        return None


def _policy(found: dict[str, Any] | None) -> Any:
    return found and json.loads(found["Policy"])["Statement"]
