"""Queues and topics as a stack makes and changes them."""

import json
from collections.abc import Mapping
from typing import Any

from infra.local.stacks.kinds import Properties, as_json, as_text, changed, refuse, tag_difference
from infra.local.stacks.services import Services


class Queue:
    """AWS::SQS::Queue."""

    name_property: str | None = "QueueName"
    replaced_by = frozenset({"QueueName", "FifoQueue"})
    tags = True
    # What a property falls back to when it leaves the template.
    _defaults: Mapping[str, Any] = {
        "ContentBasedDeduplication": False,
        "DelaySeconds": 0,
        "FifoQueue": False,
        "KmsDataKeyReusePeriodSeconds": 300,
        "KmsMasterKeyId": "",
        "MaximumMessageSize": 262144,
        "MessageRetentionPeriod": 345600,
        "ReceiveMessageWaitTimeSeconds": 0,
        "RedriveAllowPolicy": "",
        "RedrivePolicy": "",
        "SqsManagedSseEnabled": True,
        "VisibilityTimeout": 30,
    }

    def create(self, services: Services, name: str, properties: Properties) -> str:
        refuse(properties, {*self._defaults, "QueueName", "Tags"})
        attributes = {one: as_text(properties[one]) for one in self._defaults if one in properties}
        tags = {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
        answer = services.call("sqs", "CreateQueue", QueueName=name, Attributes=attributes, tags=tags)
        return str(answer["QueueUrl"])

    def update(self, services: Services, physical_id: str, old: Properties, new: Properties) -> None:
        refuse(new, {*self._defaults, "QueueName", "Tags"})
        names = changed(old, new) - {"Tags"}
        attributes = {name: as_text(new.get(name, self._defaults[name])) for name in names}
        if attributes:
            services.call("sqs", "SetQueueAttributes", QueueUrl=physical_id, Attributes=attributes)
        gone, put = tag_difference(old, new)
        if gone:
            services.call("sqs", "UntagQueue", QueueUrl=physical_id, TagKeys=gone)
        if put:
            services.call("sqs", "TagQueue", QueueUrl=physical_id, Tags={tag["Key"]: tag["Value"] for tag in put})

    def delete(self, services: Services, physical_id: str, properties: Properties) -> None:
        services.call("sqs", "DeleteQueue", QueueUrl=physical_id)

    def attribute(self, services: Services, physical_id: str, properties: Properties, name: str) -> Any:
        asked = services.call("sqs", "GetQueueAttributes", QueueUrl=physical_id, AttributeNames=["QueueArn"])
        arn = asked["Attributes"]["QueueArn"]
        return {"Arn": arn, "QueueUrl": physical_id, "QueueName": arn.rpartition(":")[2]}[name]


class QueuePolicy:
    """AWS::SQS::QueuePolicy."""

    name_property: str | None = None
    replaced_by: frozenset[str] = frozenset()
    tags = False

    def create(self, services: Services, name: str, properties: Properties) -> str:
        refuse(properties, {"Queues", "PolicyDocument"})
        self._set(services, properties["Queues"], as_json(properties["PolicyDocument"]))
        return name

    def update(self, services: Services, physical_id: str, old: Properties, new: Properties) -> None:
        self._set(services, [url for url in old["Queues"] if url not in new["Queues"]], "")
        self._set(services, new["Queues"], as_json(new["PolicyDocument"]))

    def delete(self, services: Services, physical_id: str, properties: Properties) -> None:
        self._set(services, properties["Queues"], "")

    def attribute(self, services: Services, physical_id: str, properties: Properties, name: str) -> Any:
        raise KeyError(name)

    def _set(self, services: Services, urls: list[str], policy: str) -> None:
        for url in urls:
            services.call("sqs", "SetQueueAttributes", QueueUrl=url, Attributes={"Policy": policy})


class Topic:
    """AWS::SNS::Topic."""

    name_property: str | None = "TopicName"
    replaced_by = frozenset({"TopicName", "FifoTopic"})
    tags = True
    _attributes = ("DisplayName", "KmsMasterKeyId", "FifoTopic", "ContentBasedDeduplication", "TracingConfig")

    def create(self, services: Services, name: str, properties: Properties) -> str:
        refuse(properties, {*self._attributes, "TopicName", "Tags", "Subscription"})
        attributes = {one: as_text(properties[one]) for one in self._attributes if one in properties}
        tags = properties.get("Tags", [])
        arn = str(services.call("sns", "CreateTopic", Name=name, Attributes=attributes, Tags=tags)["TopicArn"])
        for one in properties.get("Subscription", []):
            services.call("sns", "Subscribe", TopicArn=arn, **one)
        return arn

    def update(self, services: Services, physical_id: str, old: Properties, new: Properties) -> None:
        refuse(new, {*self._attributes, "TopicName", "Tags", "Subscription"})
        names = changed(old, new)
        for name in sorted(names.intersection(self._attributes)):
            value = as_text(new.get(name, ""))
            services.call("sns", "SetTopicAttributes", TopicArn=physical_id, AttributeName=name, AttributeValue=value)
        if "Subscription" in names:
            raise ValueError("Subscription of a topic cannot be changed here: use AWS::SNS::Subscription")
        gone, put = tag_difference(old, new)
        if gone:
            services.call("sns", "UntagResource", ResourceArn=physical_id, TagKeys=gone)
        if put:
            services.call("sns", "TagResource", ResourceArn=physical_id, Tags=put)

    def delete(self, services: Services, physical_id: str, properties: Properties) -> None:
        services.call("sns", "DeleteTopic", TopicArn=physical_id)

    def attribute(self, services: Services, physical_id: str, properties: Properties, name: str) -> Any:
        return {"TopicArn": physical_id, "TopicName": physical_id.rpartition(":")[2]}[name]


class Subscription:
    """AWS::SNS::Subscription."""

    name_property: str | None = None
    replaced_by = frozenset({"TopicArn", "Protocol", "Endpoint"})
    tags = False
    _attributes = ("DeliveryPolicy", "FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy")

    def create(self, services: Services, name: str, properties: Properties) -> str:
        refuse(properties, {*self._attributes, *self.replaced_by})
        attributes = {one: as_text(properties[one]) for one in self._attributes if one in properties}
        named = {one: properties[one] for one in ("TopicArn", "Protocol", "Endpoint") if one in properties}
        answer = services.call("sns", "Subscribe", **named, Attributes=attributes, ReturnSubscriptionArn=True)
        return str(answer["SubscriptionArn"])

    def update(self, services: Services, physical_id: str, old: Properties, new: Properties) -> None:
        refuse(new, {*self._attributes, *self.replaced_by})
        for name in sorted(changed(old, new)):
            value = {"AttributeName": name, "AttributeValue": as_text(new.get(name, ""))}
            services.call("sns", "SetSubscriptionAttributes", SubscriptionArn=physical_id, **value)

    def delete(self, services: Services, physical_id: str, properties: Properties) -> None:
        services.call("sns", "Unsubscribe", SubscriptionArn=physical_id)

    def attribute(self, services: Services, physical_id: str, properties: Properties, name: str) -> Any:
        return {"Arn": physical_id}[name]


class TopicPolicy:
    """AWS::SNS::TopicPolicy."""

    name_property: str | None = None
    replaced_by: frozenset[str] = frozenset()
    tags = False

    def create(self, services: Services, name: str, properties: Properties) -> str:
        refuse(properties, {"Topics", "PolicyDocument"})
        for arn in properties["Topics"]:
            self._set(services, arn, as_json(properties["PolicyDocument"]))
        return name

    def update(self, services: Services, physical_id: str, old: Properties, new: Properties) -> None:
        self.delete(services, physical_id, {"Topics": [arn for arn in old["Topics"] if arn not in new["Topics"]]})
        self.create(services, physical_id, new)

    def delete(self, services: Services, physical_id: str, properties: Properties) -> None:
        for arn in properties["Topics"]:
            self._set(services, arn, json.dumps(_owner_may_use(arn)))

    def attribute(self, services: Services, physical_id: str, properties: Properties, name: str) -> Any:
        raise KeyError(name)

    def _set(self, services: Services, arn: str, policy: str) -> None:
        services.call("sns", "SetTopicAttributes", TopicArn=arn, AttributeName="Policy", AttributeValue=policy)


def _owner_may_use(topic_arn: str) -> dict[str, Any]:
    """The policy that a topic has when nobody gave it one."""
    actions = ("GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic")
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in (*actions, "Subscribe", "ListSubscriptionsByTopic", "Publish")],
        "Resource": topic_arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": topic_arn.split(":")[4]}},
    }
    return {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}
