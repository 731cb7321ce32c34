"""A stack: what it holds, what a template would change about it, and carrying that out with a way back."""

import secrets
import string
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.local.stacks.catalogue import kind_of
from infra.local.stacks.kinds import Kind, Properties, changed
from infra.local.stacks.resource import Change, Event, Resource, Wish
from infra.local.stacks.services import Services
from infra.local.stacks.template import Resolver, TemplateError, parameter_values, parse_template

# How AWS shows a value that a resource of the same change will have.
KNOWN_LATER = "{{changeSet:KNOWN_AFTER_APPLY}}"

_FAILURES = (BotoCoreError, ClientError, TemplateError, ValueError, KeyError, TypeError)


class Stack:
    """One stack of one region. Every method that changes it returns when the work is over, well or badly."""

    def __init__(self, name: str, stack_id: str, services: Services) -> None:
        self.name = name
        self.id = stack_id
        self.status = "REVIEW_IN_PROGRESS"
        self.reason: str | None = None
        self.wish: Wish | None = None
        self.template: dict[str, Any] = {}
        self.parameters: dict[str, str] = {}
        self.capabilities: list[str] = []
        self.outputs: list[dict[str, str]] = []
        self.resources: dict[str, Resource] = {}
        self.events: list[Event] = []
        self.is_protected = False
        self.created_at = datetime.now(UTC)
        self.updated_at: datetime | None = None
        self.deleted_at: datetime | None = None
        self._services = services

    # --- Looking ahead -----------------------------------------------------------------------------------

    def changes(self, wish: Wish) -> list[Change]:
        """What would have to be done. Raises TemplateError."""
        template, resolver, replaced = self._look(wish)
        wanted = resolver.wanted()
        found: list[Change] = []
        for name in wanted:
            declared = template["Resources"][name]
            properties = self._properties(resolver, declared, wish)
            change = self._change(name, declared, properties)
            if change is not None:
                found.append(change)
            if change is not None and change.replacement:
                replaced.add(name)
        gone = [one for name, one in self.resources.items() if name not in wanted]
        return found + [Change("Remove", one.logical_id, one.type, one.physical_id) for one in gone]

    def outputs_of(self, wish: Wish) -> list[dict[str, str]]:
        """The outputs as they would be."""
        template, resolver, _ = self._look(wish)
        resolver.wanted()
        return _outputs(template, resolver)

    def _look(self, wish: Wish) -> tuple[dict[str, Any], Resolver, set[str]]:
        """A resolver to which what does not exist yet, or will be another one, is unknown."""
        template = parse_template(wish.body)
        replaced: set[str] = set()

        def reference(name: str, attribute: str | None) -> Any:
            held = self.resources.get(name)
            if name not in template["Resources"]:
                raise TemplateError(f"Template format error: Unresolved resource dependencies [{name}]")
            if held is None or held.type != template["Resources"][name]["Type"] or name in replaced:
                return KNOWN_LATER
            return self._reference(held, attribute)

        values = parameter_values(template, wish.parameters)
        return template, Resolver(template, values, self._pseudo(), reference), replaced

    def _change(self, name: str, declared: Mapping[str, Any], properties: Properties) -> Change | None:
        held = self.resources.get(name)
        if held is None:
            return Change("Add", name, declared["Type"])
        if held.type != declared["Type"]:
            return Change("Modify", name, declared["Type"], held.physical_id, replacement=True)
        names = changed(held.properties, properties)
        if not names and _policies(declared) == (held.deletion_policy, held.replace_policy):
            return None
        is_replaced = bool(names & held.kind.replaced_by)
        return Change("Modify", name, held.type, held.physical_id, is_replaced, tuple(sorted(names)))

    # --- Carrying out ------------------------------------------------------------------------------------

    def carry_out(self, wish: Wish) -> None:
        """Become what is wished, or go back to what was; `status` and `events` say which."""
        is_new = self.status == "REVIEW_IN_PROGRESS"
        word = "CREATE" if is_new else "UPDATE"
        self.updated_at = None if is_new else datetime.now(UTC)
        self._set_status(f"{word}_IN_PROGRESS", "User Initiated")
        undo: list[Callable[[], None]] = []
        before = dict(self.resources)
        try:
            superseded = list(self._apply(wish, undo))
        except _FAILURES as error:
            self._go_back(undo, before, "" if is_new else "UPDATE_", _reason(error))
            return
        self.wish = wish
        self._clean_up(superseded)
        self._set_status(f"{word}_COMPLETE", None)

    def delete(self, retained: frozenset[str] = frozenset()) -> None:
        """Delete what it holds; what refuses keeps the stack in DELETE_FAILED."""
        self._set_status("DELETE_IN_PROGRESS", "User Initiated")
        failed = []
        for name, held in reversed(list(self.resources.items())):
            if name in retained or held.deletion_policy == "Retain":
                self._event(held, "DELETE_SKIPPED")
            elif not self._delete(held):
                failed.append(name)
                continue
            del self.resources[name]
        if failed:
            self._set_status("DELETE_FAILED", f"The following resource(s) failed to delete: [{', '.join(failed)}]. ")
            return
        self.deleted_at = datetime.now(UTC)
        self._set_status("DELETE_COMPLETE", None)

    def _apply(self, wish: Wish, undo: list[Callable[[], None]]) -> Iterator[Resource]:
        """Make and change, in the order of their needs; yields what was replaced or is not wanted any more."""
        template = parse_template(wish.body)
        values = parameter_values(template, wish.parameters)
        resolver = Resolver(template, values, self._pseudo(), lambda name, what: self._by_name(name, what))
        wanted = resolver.wanted()
        for name in wanted:
            declared = template["Resources"][name]
            properties = self._properties(resolver, declared, wish)
            change = self._change(name, declared, properties)
            if change is None:
                continue
            if change.action == "Modify" and not change.replacement:
                self._update(self.resources[name], declared, properties, undo)
                continue
            if change.action == "Modify":
                yield self._give_way(self.resources[name], declared, properties)
            self._create(name, declared, properties, undo)
        yield from [self.resources.pop(name) for name in list(self.resources) if name not in wanted]
        self.resources = {name: self.resources[name] for name in wanted}  # they are deleted the other way round
        self.template, self.parameters = template, values
        self.outputs = _outputs(template, resolver)

    def _give_way(self, held: Resource, declared: Mapping[str, Any], properties: Properties) -> Resource:
        name = _own_name(held.kind, held.properties)
        if name is not None and held.type == declared["Type"] and name == _own_name(held.kind, properties):
            raise ValueError(
                "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
                f"Rename {name} and update the stack again."
            )
        return held

    def _create(
        self, name: str, declared: Mapping[str, Any], properties: Properties, undo: list[Callable[[], None]]
    ) -> None:
        deletion, replacing = _policies(declared)
        made = Resource(name, declared["Type"], "", properties, deletion, replacing)
        self._event(made, "CREATE_IN_PROGRESS")
        try:
            physical_name = _own_name(made.kind, properties) or self._made_up_name(name)
            made = replace(made, physical_id=made.kind.create(self._services, physical_name, properties))
        except _FAILURES as error:
            self._event(made, "CREATE_FAILED", _reason(error))
            raise ValueError(f"The following resource(s) failed to create: [{name}]. ") from error
        self.resources[name] = made
        undo.append(lambda: self._unmake(made))
        self._event(made, "CREATE_COMPLETE")

    def _update(
        self,
        held: Resource,
        declared: Mapping[str, Any],
        properties: Properties,
        undo: list[Callable[[], None]],
    ) -> None:
        deletion, replacing = _policies(declared)
        new = replace(held, properties=properties, deletion_policy=deletion, replace_policy=replacing)
        self._event(new, "UPDATE_IN_PROGRESS")
        try:
            held.kind.update(self._services, held.physical_id, held.properties, properties)
        except _FAILURES as error:
            self._event(new, "UPDATE_FAILED", _reason(error))
            raise ValueError(f"The following resource(s) failed to update: [{held.logical_id}]. ") from error
        undo.append(lambda: held.kind.update(self._services, held.physical_id, properties, held.properties))
        self.resources[held.logical_id] = new
        self._event(new, "UPDATE_COMPLETE")

    def _go_back(self, undo: list[Callable[[], None]], before: dict[str, Resource], prefix: str, reason: str) -> None:
        self._set_status(f"{prefix}ROLLBACK_IN_PROGRESS", reason)
        try:
            for one in reversed(undo):
                one()
        except _FAILURES as error:
            self._set_status(f"{prefix}ROLLBACK_FAILED", _reason(error))
            return
        self.resources = before
        self._set_status(f"{prefix}ROLLBACK_COMPLETE", None)

    def _unmake(self, made: Resource) -> None:
        if made.deletion_policy == "Retain":
            self._event(made, "DELETE_SKIPPED")
        elif not self._delete(made):
            raise ValueError(f"The following resource(s) failed to delete: [{made.logical_id}]. ")

    def _clean_up(self, superseded: list[Resource]) -> None:
        """What cannot be deleted now is left behind, and the stack forgets it, as AWS does."""
        for held in reversed(superseded):
            is_replaced = held.logical_id in self.resources
            policy = held.replace_policy if is_replaced else held.deletion_policy
            if policy == "Retain":
                self._event(held, "DELETE_SKIPPED")
            else:
                self._delete(held)

    def _delete(self, held: Resource) -> bool:
        self._event(held, "DELETE_IN_PROGRESS")
        try:
            held.kind.delete(self._services, held.physical_id, held.properties)
        except _FAILURES as error:
            # What somebody deleted by hand is as wished.
            if not _is_missing(error):
                self._event(held, "DELETE_FAILED", _reason(error))
                return False
        self._event(held, "DELETE_COMPLETE")
        return True

    # --- Values ------------------------------------------------------------------------------------------

    def _properties(self, resolver: Resolver, declared: Mapping[str, Any], wish: Wish) -> dict[str, Any]:
        kind = kind_of(declared["Type"])
        properties: dict[str, Any] = resolver.value(declared.get("Properties") or {})
        if wish.tags and kind.tags:
            own = properties.get("Tags", [])
            taken = {tag["Key"] for tag in own}
            properties["Tags"] = own + [{"Key": key, "Value": value} for key, value in wish.tags if key not in taken]
        return properties

    def _by_name(self, name: str, attribute: str | None) -> Any:
        return self._reference(self.resources[name], attribute)

    def _reference(self, held: Resource, attribute: str | None) -> Any:
        if attribute is None:
            return held.physical_id
        try:
            return held.kind.attribute(self._services, held.physical_id, held.properties, attribute)
        except KeyError as error:
            message = f"Requested attribute {attribute} does not exist in schema for {held.type}"
            raise TemplateError(message) from error

    def _pseudo(self) -> dict[str, str]:
        account = self.id.split(":")[4]
        return {
            "AWS::AccountId": account,
            "AWS::Partition": "aws",
            "AWS::Region": self._services.region,
            "AWS::StackId": self.id,
            "AWS::StackName": self.name,
            "AWS::URLSuffix": "amazonaws.com",
        }

    def _made_up_name(self, logical_id: str) -> str:
        letters = "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(12))
        return f"{self.name}-{logical_id}-{letters}"

    def _set_status(self, status: str, reason: str | None) -> None:
        self.status, self.reason = status, reason
        self.events.append(Event(self, self.name, self.id, "AWS::CloudFormation::Stack", status, reason))

    def _event(self, resource: Resource, status: str, reason: str | None = None) -> None:
        self.events.append(Event(self, resource.logical_id, resource.physical_id, resource.type, status, reason))


def _own_name(kind: Kind, properties: Properties) -> str | None:
    return None if kind.name_property is None else properties.get(kind.name_property)


def _policies(declared: Mapping[str, Any]) -> tuple[str, str]:
    return declared.get("DeletionPolicy", "Delete"), declared.get("UpdateReplacePolicy", "Delete")


def _outputs(template: Mapping[str, Any], resolver: Resolver) -> list[dict[str, str]]:
    found = []
    for name, declared in (template.get("Outputs") or {}).items():
        if resolver.holds(declared.get("Condition")):
            output = {"OutputKey": name, "OutputValue": str(resolver.value(declared["Value"]))}
            found.append(output | {"Description": declared["Description"]} if "Description" in declared else output)
    return found


def _reason(error: Exception) -> str:
    if isinstance(error, ClientError):
        return str(error.response["Error"].get("Message") or error)
    return repr(error) if isinstance(error, KeyError | TypeError) else str(error)


def _is_missing(error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return False
    code = str(error.response["Error"]["Code"])
    return "NotFound" in code or "NonExistent" in code
