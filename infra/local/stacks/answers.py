"""How CloudFormation describes stacks, change sets and events: dictionaries in the API's own names."""

import copy
from typing import Any

from infra.local.stacks.resource import Change, ChangeSet, Event
from infra.local.stacks.stack import Stack


def parameters(template: dict[str, Any], values: dict[str, str]) -> list[dict[str, str]]:
    """The values, those of NoEcho hidden."""
    declared = template.get("Parameters") or {}
    hidden = {name for name, one in declared.items() if str(one.get("NoEcho", False)).lower() == "true"}
    return [
        {"ParameterKey": name, "ParameterValue": "****" if name in hidden else value} for name, value in values.items()
    ]


def declared_parameters(template: dict[str, Any]) -> list[dict[str, Any]]:
    """What a template asks for."""
    return [
        {"ParameterKey": name, "DefaultValue": one.get("Default"), "Description": one.get("Description")}
        for name, one in (template.get("Parameters") or {}).items()
    ]


def change_set_summary(one: ChangeSet) -> dict[str, Any]:
    """What lists show of a change set."""
    return {
        "ChangeSetId": one.id,
        "ChangeSetName": one.name,
        "StackId": one.stack.id,
        "StackName": one.stack.name,
        "Description": one.description,
        "CreationTime": one.created_at,
        "Status": one.status,
        "StatusReason": one.reason,
        "ExecutionStatus": one.execution_status,
    }


def change_description(change: Change) -> dict[str, Any]:
    """One line of a change set."""
    described: dict[str, Any] = {
        "Action": change.action,
        "LogicalResourceId": change.logical_id,
        "PhysicalResourceId": change.physical_id,
        "ResourceType": change.type,
        "Scope": [],
        "Details": [],
    }
    if change.replacement is not None:
        described["Replacement"] = "True" if change.replacement else "False"
        described["Scope"] = ["Properties"] if change.properties else []
        targets = [{"Attribute": "Properties", "Name": name} for name in change.properties]
        described["Details"] = [{"Target": target, "ChangeSource": "DirectModification"} for target in targets]
    return {"Type": "Resource", "ResourceChange": described}


def stack_description(stack: Stack) -> dict[str, Any]:
    """Everything but its resources and events."""
    return {
        "StackId": stack.id,
        "StackName": stack.name,
        "Description": stack.template.get("Description"),
        "Parameters": parameters(stack.template, stack.parameters),
        "CreationTime": stack.created_at,
        "LastUpdatedTime": stack.updated_at,
        "DeletionTime": stack.deleted_at,
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason,
        "DisableRollback": False,
        "NotificationARNs": [],
        "Capabilities": stack.capabilities,
        "Outputs": copy.deepcopy(stack.outputs) or None,  # AWS leaves out what is empty
        "Tags": [{"Key": key, "Value": value} for key, value in (stack.wish.tags if stack.wish else ())],
        "EnableTerminationProtection": stack.is_protected,
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
    }


def event_description(event: Event) -> dict[str, Any]:
    """One line of a stack's log."""
    return {
        "StackId": event.stack.id,
        "StackName": event.stack.name,
        "EventId": event.id,
        "LogicalResourceId": event.logical_id,
        "PhysicalResourceId": event.physical_id,
        "ResourceType": event.type,
        "Timestamp": event.time,
        "ResourceStatus": event.status,
        "ResourceStatusReason": event.reason,
    }


def resource_descriptions(stack: Stack) -> list[dict[str, Any]]:
    """Each with its last event, those that were deleted left out."""
    last = {event.logical_id: event for event in stack.events if event.stack.id != event.physical_id}
    found = []
    for name, held in stack.resources.items():
        found.append(
            event_description(last[name])
            | {
                "PhysicalResourceId": held.physical_id,
                "LastUpdatedTimestamp": last[name].time,
                "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
            }
        )
    return found
