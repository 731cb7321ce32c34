"""Alarms, dashboards and log groups as a stack makes and changes them."""

import json
from typing import Any

from infra.local.stacks.kinds import Properties, as_json, refuse, tag_difference
from infra.local.stacks.services import Services


class Alarm:
    """AWS::CloudWatch::Alarm."""

    name_property: str | None = "AlarmName"
    replaced_by = frozenset({"AlarmName"})
    tags = True

    def create(self, services: Services, name: str, properties: Properties) -> str:
        services.call("cloudwatch", "PutMetricAlarm", **{**properties, "AlarmName": name})
        return name

    def update(self, services: Services, physical_id: str, old: Properties, new: Properties) -> None:
        given = {name: value for name, value in new.items() if name != "Tags"}  # the call ignores them at a change
        services.call("cloudwatch", "PutMetricAlarm", **{**given, "AlarmName": physical_id})
        gone, put = tag_difference(old, new)
        arn = self.attribute(services, physical_id, new, "Arn")
        if gone:
            services.call("cloudwatch", "UntagResource", ResourceARN=arn, TagKeys=gone)
        if put:
            services.call("cloudwatch", "TagResource", ResourceARN=arn, Tags=put)

    def delete(self, services: Services, physical_id: str, properties: Properties) -> None:
        services.call("cloudwatch", "DeleteAlarms", AlarmNames=[physical_id])

    def attribute(self, services: Services, physical_id: str, properties: Properties, name: str) -> Any:
        alarms = services.call("cloudwatch", "DescribeAlarms", AlarmNames=[physical_id])["MetricAlarms"]
        return {"Arn": alarms[0]["AlarmArn"]}[name]


class Dashboard:
    """AWS::CloudWatch::Dashboard."""

    name_property: str | None = "DashboardName"
    replaced_by = frozenset({"DashboardName"})
    tags = False

    def create(self, services: Services, name: str, properties: Properties) -> str:
        refuse(properties, {"DashboardName", "DashboardBody"})
        body = as_json(properties["DashboardBody"])
        json.loads(body)  # CloudWatch refuses what is no JSON
        services.call("cloudwatch", "PutDashboard", DashboardName=name, DashboardBody=body)
        return name

    def update(self, services: Services, physical_id: str, old: Properties, new: Properties) -> None:
        self.create(services, physical_id, new)

    def delete(self, services: Services, physical_id: str, properties: Properties) -> None:
        services.call("cloudwatch", "DeleteDashboards", DashboardNames=[physical_id])

    def attribute(self, services: Services, physical_id: str, properties: Properties, name: str) -> Any:
        raise KeyError(name)


class LogGroup:
    """AWS::Logs::LogGroup."""

    name_property: str | None = "LogGroupName"
    replaced_by = frozenset({"LogGroupName"})
    tags = True

    def create(self, services: Services, name: str, properties: Properties) -> str:
        refuse(properties, {"LogGroupName", "RetentionInDays", "Tags"})
        services.call("logs", "CreateLogGroup", logGroupName=name)
        self.update(services, name, {}, properties)
        return name

    def update(self, services: Services, physical_id: str, old: Properties, new: Properties) -> None:
        refuse(new, {"LogGroupName", "RetentionInDays", "Tags"})
        days = new.get("RetentionInDays")
        if days is not None:
            services.call("logs", "PutRetentionPolicy", logGroupName=physical_id, retentionInDays=days)
        elif "RetentionInDays" in old:
            services.call("logs", "DeleteRetentionPolicy", logGroupName=physical_id)
        gone, put = tag_difference(old, new)
        if gone:
            services.call("logs", "UntagLogGroup", logGroupName=physical_id, tags=gone)
        if put:
            tags = {tag["Key"]: tag["Value"] for tag in put}
            services.call("logs", "TagLogGroup", logGroupName=physical_id, tags=tags)

    def delete(self, services: Services, physical_id: str, properties: Properties) -> None:
        services.call("logs", "DeleteLogGroup", logGroupName=physical_id)

    def attribute(self, services: Services, physical_id: str, properties: Properties, name: str) -> Any:
        groups = services.call("logs", "DescribeLogGroups", logGroupNamePrefix=physical_id)["logGroups"]
        return {"Arn": next(one["arn"] for one in groups if one["logGroupName"] == physical_id)}[name]
