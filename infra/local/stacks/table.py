"""DynamoDB tables as a stack makes and changes them."""

from typing import Any

from infra.local.stacks.kinds import Properties, changed, refuse, tag_difference
from infra.local.stacks.services import Services

# What CreateTable takes as it is; the other properties have calls of their own.
_CREATED_WITH = (
    "AttributeDefinitions",
    "BillingMode",
    "DeletionProtectionEnabled",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "LocalSecondaryIndexes",
    "OnDemandThroughput",
    "ProvisionedThroughput",
    "StreamSpecification",
    "TableClass",
    "Tags",
)
_KNOWN = {*_CREATED_WITH, "TableName", "TimeToLiveSpecification", "PointInTimeRecoverySpecification"}
# What UpdateTable changes, and what a property is when it leaves the template.
_UPDATED_WITH: dict[str, Any] = {
    "BillingMode": "PROVISIONED",
    "DeletionProtectionEnabled": False,
    "OnDemandThroughput": None,
    "ProvisionedThroughput": None,
    "TableClass": "STANDARD",
}


class Table:
    """AWS::DynamoDB::Table."""

    name_property: str | None = "TableName"
    replaced_by = frozenset({"TableName", "KeySchema", "LocalSecondaryIndexes"})
    tags = True

    def create(self, services: Services, name: str, properties: Properties) -> str:
        refuse(properties, _KNOWN)
        given = {one: properties[one] for one in _CREATED_WITH if one in properties}
        if "StreamSpecification" in given:
            given["StreamSpecification"] = {"StreamEnabled": True, **given["StreamSpecification"]}
        services.call("dynamodb", "CreateTable", TableName=name, **given)
        self._set_lifetime(services, name, {}, properties)
        self._set_backups(services, name, properties)
        return name

    def update(self, services: Services, physical_id: str, old: Properties, new: Properties) -> None:
        refuse(new, _KNOWN)
        index_change = _index_change(old, new)
        names = changed(old, new)
        given = {name: new.get(name, default) for name, default in _UPDATED_WITH.items() if name in names}
        given = {name: value for name, value in given.items() if value is not None}
        if given:
            services.call("dynamodb", "UpdateTable", TableName=physical_id, **given)
        if "StreamSpecification" in names:
            self._set_stream(services, physical_id, old, new)
        if index_change is not None:
            services.call(
                "dynamodb",
                "UpdateTable",
                TableName=physical_id,
                AttributeDefinitions=new["AttributeDefinitions"],
                GlobalSecondaryIndexUpdates=[index_change],
            )
        if "TimeToLiveSpecification" in names:
            self._set_lifetime(services, physical_id, old, new)
        if "PointInTimeRecoverySpecification" in names:
            self._set_backups(services, physical_id, new)
        self._set_tags(services, physical_id, old, new)

    def delete(self, services: Services, physical_id: str, properties: Properties) -> None:
        services.call("dynamodb", "DeleteTable", TableName=physical_id)

    def attribute(self, services: Services, physical_id: str, properties: Properties, name: str) -> Any:
        table = services.call("dynamodb", "DescribeTable", TableName=physical_id)["Table"]
        return table[{"Arn": "TableArn", "StreamArn": "LatestStreamArn"}[name]]

    def _set_stream(self, services: Services, name: str, old: Properties, new: Properties) -> None:
        if "StreamSpecification" in old:
            services.call("dynamodb", "UpdateTable", TableName=name, StreamSpecification={"StreamEnabled": False})
        if "StreamSpecification" in new:
            wanted = {"StreamEnabled": True, **new["StreamSpecification"]}
            services.call("dynamodb", "UpdateTable", TableName=name, StreamSpecification=wanted)

    def _set_lifetime(self, services: Services, name: str, old: Properties, new: Properties) -> None:
        before, after = old.get("TimeToLiveSpecification"), new.get("TimeToLiveSpecification")
        if before and _is_on(before) and (not after or before["AttributeName"] != after["AttributeName"]):
            off = {**before, "Enabled": False}
            services.call("dynamodb", "UpdateTimeToLive", TableName=name, TimeToLiveSpecification=off)
        if after and (before or _is_on(after)):
            services.call("dynamodb", "UpdateTimeToLive", TableName=name, TimeToLiveSpecification=after)

    def _set_backups(self, services: Services, name: str, properties: Properties) -> None:
        wanted = properties.get("PointInTimeRecoverySpecification", {"PointInTimeRecoveryEnabled": False})
        services.call("dynamodb", "UpdateContinuousBackups", TableName=name, PointInTimeRecoverySpecification=wanted)

    def _set_tags(self, services: Services, name: str, old: Properties, new: Properties) -> None:
        gone, put = tag_difference(old, new)
        if not gone and not put:
            return
        arn = self.attribute(services, name, new, "Arn")
        if gone:
            services.call("dynamodb", "UntagResource", ResourceArn=arn, TagKeys=gone)
        if put:
            services.call("dynamodb", "TagResource", ResourceArn=arn, Tags=put)


def _index_change(old: Properties, new: Properties) -> dict[str, Any] | None:
    before = {one["IndexName"]: one for one in old.get("GlobalSecondaryIndexes", [])}
    after = {one["IndexName"]: one for one in new.get("GlobalSecondaryIndexes", [])}
    changes: list[dict[str, Any]] = [
        {"Delete": {"IndexName": name}} for name, one in before.items() if after.get(name) != one
    ]
    changes += [{"Create": one} for name, one in after.items() if before.get(name) != one]
    if len(changes) > 1:
        # DynamoDB builds one index at a time, and CloudFormation does not split the work.
        raise ValueError("Cannot perform more than one GSI creation or deletion in a single update")
    return changes[0] if changes else None


def _is_on(specification: Properties) -> bool:
    return str(specification["Enabled"]).lower() == "true"
