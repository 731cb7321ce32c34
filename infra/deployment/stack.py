"""The CloudFormation stack: created and updated by change sets, so that nothing happens that was not looked at."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from infra.deployment.errors import DeploymentError

TEMPLATE = Path(__file__).parent.parent / "stack.yaml"

_LASTS = ("AWS::DynamoDB::Table", "AWS::SecretsManager::Secret", "AWS::EC2::EIP")
"""What holds data, or stands in somebody's list."""

_NOTHING_TO_DO = ("didn't contain changes", "No updates are to be performed")
_NEVER_WAS = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED")
"""A first creation that failed: CloudFormation takes no update of it, and no second creation beside it."""

_EVERY = 5.0
_LONGEST = 1800.0


@dataclass(frozen=True)
class Change:
    """One resource that a change set adds, modifies or removes."""

    action: str
    resource: str
    kind: str
    replaces: bool

    def __str__(self) -> str:
        return f"{self.action.lower()} {self.resource} ({self.kind.removeprefix('AWS::')})"


class Stack:
    """`pause`: seconds between two looks at what CloudFormation is doing."""

    def __init__(self, client: Any, name: str, template: Path = TEMPLATE, pause: float = _EVERY) -> None:
        self.name = name
        self._client = client
        self._template = template
        self._pause = pause

    def describe(self) -> dict[str, Any] | None:
        """The stack as it is, None where there is none."""
        try:
            found: dict[str, Any] = self._client.describe_stacks(StackName=self.name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return None if found["StackStatus"] == "DELETE_COMPLETE" else found

    def parameters(self) -> dict[str, str]:
        """As they were last given; none where there is no stack."""
        found = self.describe() or {}
        return {entry["ParameterKey"]: entry["ParameterValue"] for entry in found.get("Parameters", ())}

    def outputs(self) -> dict[str, str]:
        found = self.describe() or {}
        return {entry["OutputKey"]: entry["OutputValue"] for entry in found.get("Outputs", ())}

    def apply(self, parameters: Mapping[str, str], *, may_remove: bool = False) -> list[Change]:
        """Create or update; returns what was changed, nothing where all was as it should be.

        Raises DeploymentError where a table or secret would be replaced, or removed unless `may_remove`.
        """
        is_new = self._make_way()
        change_set = f"deployment-{int(time.time() * 1000)}"
        try:
            self._client.create_change_set(
                StackName=self.name,
                ChangeSetName=change_set,
                ChangeSetType="CREATE" if is_new else "UPDATE",
                TemplateBody=self._template.read_text(encoding="utf-8"),
                Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
                Tags=[{"Key": "app", "Value": "trading-bot"}],
                Capabilities=["CAPABILITY_NAMED_IAM"],
            )
            changes = self._changes(change_set)
            if changes is None:
                return []
        except ClientError as error:
            if _says_nothing_to_do(str(error)):
                return []
            raise
        self._check(change_set, changes, may_remove)
        self._client.execute_change_set(StackName=self.name, ChangeSetName=change_set)
        self._wait_for("create" if is_new else "update")
        return changes

    def protect(self) -> None:
        """Nobody deletes the stack without saying so first."""
        found = self.describe()
        if found and not found.get("EnableTerminationProtection"):
            self._client.update_termination_protection(StackName=self.name, EnableTerminationProtection=True)

    def delete(self) -> bool:
        """With everything in it; False where there was none."""
        found = self.describe()
        if found is None:
            return False
        if found["StackStatus"] != "DELETE_FAILED":
            self._refuse_if_busy(found)
        self._client.delete_stack(StackName=self.name)
        self._wait_for("delete")
        return True

    def _make_way(self) -> bool:
        """Whether the stack has to be created; a broken off creation is taken away before."""
        found = self.describe()
        if found is None or found["StackStatus"] == "REVIEW_IN_PROGRESS":
            return True
        if found["StackStatus"] in _NEVER_WAS:
            self._client.delete_stack(StackName=self.name)
            self._wait_for("delete")
            return True
        self._refuse_if_busy(found)
        return False

    def _refuse_if_busy(self, found: Mapping[str, Any]) -> None:
        status = found["StackStatus"]
        if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":  # that one waits for a change set
            raise DeploymentError(f"stack {self.name} is {status}: another deployment is at work; wait for its end")
        if status == "DELETE_FAILED":
            raise DeploymentError(
                f"stack {self.name} is {status}: its deletion did not come to its end; run infra/destroy again"
            )
        if status == "UPDATE_ROLLBACK_FAILED":
            raise DeploymentError(
                f"stack {self.name} is {status}: run `aws cloudformation continue-update-rollback --stack-name "
                f"{self.name}`, wait for its end, then run this again"
            )

    def _changes(self, change_set: str) -> list[Change] | None:
        """None where there is nothing to do; empty where only outputs differ."""
        found: list[Change] = []
        described = self._settled(change_set)
        if described["Status"] == "FAILED":
            self._client.delete_change_set(StackName=self.name, ChangeSetName=change_set)
            reason = described.get("StatusReason", "")
            if _says_nothing_to_do(reason):
                return None
            raise DeploymentError(f"CloudFormation does not take the template for {self.name}: {reason}")
        while True:
            found += [_change(entry["ResourceChange"]) for entry in described.get("Changes", ())]
            if not (token := described.get("NextToken")):
                return found
            described = self._client.describe_change_set(StackName=self.name, ChangeSetName=change_set, NextToken=token)

    def _settled(self, change_set: str) -> dict[str, Any]:
        ends = time.monotonic() + _LONGEST
        while True:
            described: dict[str, Any] = self._client.describe_change_set(StackName=self.name, ChangeSetName=change_set)
            if described["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
                return described
            if time.monotonic() > ends:
                raise DeploymentError(f"CloudFormation does not finish its change set for {self.name}; run this again")
            time.sleep(self._pause)

    def _check(self, change_set: str, changes: Sequence[Change], may_remove: bool) -> None:
        lost = [
            change
            for change in changes
            if change.kind in _LASTS and (change.replaces or (change.action == "Remove" and not may_remove))
        ]
        if lost:
            self._client.delete_change_set(StackName=self.name, ChangeSetName=change_set)
            names = ", ".join(change.resource for change in lost)
            raise DeploymentError(
                f"this would take away or replace {names} of stack {self.name} with all that is in them; nothing was "
                "changed. TABLE_PREFIX, keys of a table and addresses cannot change in a stage that exists"
            )

    def _wait_for(self, what: str) -> None:
        waiter = self._client.get_waiter(f"stack_{what}_complete")
        try:
            waiter.wait(
                StackName=self.name,
                WaiterConfig={"Delay": self._pause, "MaxAttempts": int(_LONGEST / max(self._pause, 0.1))},
            )
        except WaiterError:
            raise DeploymentError(
                f"the {what} of stack {self.name} did not succeed: {self._why() or 'it takes too long'}; mend that and "
                "run this again, it goes on where it stopped"
            ) from None

    def _why(self) -> str:
        """The first failure since somebody last asked for something; what failed after it was only cancelled."""
        first = ""
        try:
            for page in self._client.get_paginator("describe_stack_events").paginate(StackName=self.name):
                for event in page["StackEvents"]:  # newest first
                    reason = event.get("ResourceStatusReason", "")
                    if event["ResourceStatus"].endswith("_FAILED"):
                        first = f"{event['LogicalResourceId']}: {reason}"
                    if event["LogicalResourceId"] == self.name and reason == "User Initiated":
                        return first
        except ClientError as error:
            return str(error)
        return first


def _change(entry: Mapping[str, Any]) -> Change:
    return Change(
        action=entry["Action"],
        resource=entry["LogicalResourceId"],
        kind=entry["ResourceType"],
        replaces=entry.get("Replacement") == "True",
    )


def _says_nothing_to_do(reason: str) -> bool:
    return any(words in reason for words in _NOTHING_TO_DO)
