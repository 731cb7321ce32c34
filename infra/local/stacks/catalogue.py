"""The kinds of resources that a stack can hold, by their types."""

from infra.local.stacks.kinds import Kind
from infra.local.stacks.messaging import Queue, QueuePolicy, Subscription, Topic, TopicPolicy
from infra.local.stacks.network import NETWORK
from infra.local.stacks.secret import Secret
from infra.local.stacks.table import Table
from infra.local.stacks.watching import Alarm, Dashboard, LogGroup

_KINDS: dict[str, Kind] = {
    "AWS::CloudWatch::Alarm": Alarm(),
    "AWS::CloudWatch::Dashboard": Dashboard(),
    "AWS::DynamoDB::Table": Table(),
    "AWS::Logs::LogGroup": LogGroup(),
    "AWS::SNS::Subscription": Subscription(),
    "AWS::SNS::Topic": Topic(),
    "AWS::SNS::TopicPolicy": TopicPolicy(),
    "AWS::SQS::Queue": Queue(),
    "AWS::SQS::QueuePolicy": QueuePolicy(),
    "AWS::SecretsManager::Secret": Secret(),
    **NETWORK,
}


def kind_of(resource_type: str) -> Kind:
    """The kind of a resource type. Raises ValueError for one that is not known here: none is passed over in silence."""
    if resource_type not in _KINDS:
        raise ValueError(f"Resource type {resource_type} is not known here")
    return _KINDS[resource_type]
