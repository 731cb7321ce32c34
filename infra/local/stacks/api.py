"""CloudFormation's API, as far as a deployment uses it."""

import threading
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4
from wsgiref.types import WSGIApplication

from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, BaseResponse, EmptyResult

from infra.local.stacks.answers import (
    change_description,
    change_set_summary,
    declared_parameters,
    event_description,
    parameters,
    resource_descriptions,
    stack_description,
)
from infra.local.stacks.resource import Change, ChangeSet, Wish
from infra.local.stacks.services import Services
from infra.local.stacks.stack import Stack
from infra.local.stacks.template import TemplateError, parameter_values, parse_template

NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."

_CAN_BE_UPDATED = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"}


class StacksBackend(BaseBackend):
    """The stacks and change sets of one region of one account; moto's reset empties it with everything else."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.stacks: dict[str, Stack] = {}
        self.change_sets: dict[str, ChangeSet] = {}
        self.lock = threading.RLock()


backends = BackendDict(StacksBackend, "cloudformation")


def application() -> WSGIApplication:
    """What answers CloudFormation's requests."""
    from flask import Flask
    from moto.core.utils import convert_to_flask_response
    from moto.moto_server.werkzeug_app import BackendRequest

    app = Flask("stacks")
    app.debug = True  # what goes wrong in here is the server's to tell
    app.request_class = BackendRequest
    app.add_url_rule("/", view_func=convert_to_flask_response(StacksResponse.dispatch), methods=["GET", "POST"])
    return app.wsgi_app


class StacksResponse(BaseResponse):
    """One method for each action; the answers are dictionaries in the API's own names."""

    def __init__(self) -> None:
        super().__init__(service_name="cloudformation")
        self.automated_parameter_parsing = True

    def create_stack(self) -> ActionResult:
        name, wish = self._get_param("StackName"), self._wish(None)
        with self._backend.lock:
            if (held := self._find(name)) is not None:
                raise _error(f"Stack [{held.name}] already exists", "AlreadyExistsException")
            stack = self._new_stack(name)
            _checked(stack, wish)
            self._backend.stacks[stack.id] = stack
            stack.is_protected = self._get_bool_param("EnableTerminationProtection", False)
            stack.capabilities = self._get_param("Capabilities", [])
            stack.carry_out(wish)
        return ActionResult({"StackId": stack.id})

    def update_stack(self) -> ActionResult:
        with self._backend.lock:
            stack = self._updatable(self._get_param("StackName"))
            wish = self._wish(stack)
            if not _checked(stack, wish) and not _changes_outputs(stack, wish):
                raise _error("No updates are to be performed.")
            stack.capabilities = self._get_param("Capabilities", [])
            stack.carry_out(wish)
        return ActionResult({"StackId": stack.id})

    def delete_stack(self) -> ActionResult:
        with self._backend.lock:
            stack = self._find(self._get_param("StackName"))
            if stack is None:
                return EmptyResult()
            if stack.is_protected:
                raise _error(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
            retained = frozenset(self._get_param("RetainResources", []))
            if retained and stack.status != "DELETE_FAILED":
                raise _error("Invalid operation on stack: only one that failed to delete can retain resources.")
            stack.delete(retained)
            self._forget_change_sets(stack)
        return EmptyResult()

    def update_termination_protection(self) -> ActionResult:
        stack = self._stack(self._get_param("StackName"))
        stack.is_protected = self._get_bool_param("EnableTerminationProtection", False)
        return ActionResult({"StackId": stack.id})

    def create_change_set(self) -> ActionResult:
        kind, name = self._get_param("ChangeSetType", "UPDATE"), self._get_param("StackName")
        with self._backend.lock:
            if kind == "UPDATE":
                stack = self._updatable(name)
            elif kind == "CREATE":
                stack = self._for_creation(name)
            else:
                raise _error(f"ChangeSetType {kind} is not known here")
            wish = self._wish(stack if kind == "UPDATE" else None)
            changes = _checked(stack, wish)
            self._backend.stacks[stack.id] = stack
            change_set = self._new_change_set(kind, stack, wish, changes)
            self._backend.change_sets[change_set.id] = change_set
        return ActionResult({"Id": change_set.id, "StackId": stack.id})

    def describe_change_set(self) -> ActionResult:
        one = self._change_set()
        return ActionResult(
            change_set_summary(one)
            | {
                "Parameters": parameters(parse_template(one.wish.body), one.values),
                "Changes": [change_description(change) for change in one.changes],
                "Capabilities": one.capabilities,
                "Tags": [{"Key": key, "Value": value} for key, value in one.wish.tags],
            }
        )

    def list_change_sets(self) -> ActionResult:
        stack = self._stack(self._get_param("StackName"))
        held = [change_set_summary(one) for one in self._backend.change_sets.values() if one.stack is stack]
        return ActionResult({"Summaries": held})

    def delete_change_set(self) -> ActionResult:
        with self._backend.lock:
            del self._backend.change_sets[self._change_set().id]
        return EmptyResult()

    def execute_change_set(self) -> ActionResult:
        with self._backend.lock:
            one = self._change_set()
            if one.execution_status != "AVAILABLE":
                message = f"ChangeSet [{one.id}] cannot be executed in its current execution status of "
                raise _error(message + f"[{one.execution_status}]", "InvalidChangeSetStatus")
            one.stack.capabilities = one.capabilities
            one.stack.carry_out(one.wish)
            self._forget_change_sets(one.stack)
        return EmptyResult()

    def describe_stacks(self) -> ActionResult:
        name = self._get_param("StackName")
        if name:
            return ActionResult({"Stacks": [stack_description(self._stack(name, deleted=True))]})
        held = [one for one in self._backend.stacks.values() if one.deleted_at is None]
        return ActionResult({"Stacks": [stack_description(one) for one in held]})

    def list_stacks(self) -> ActionResult:
        wanted = self._get_param("StackStatusFilter", [])
        held = [one for one in self._backend.stacks.values() if not wanted or one.status in wanted]
        return ActionResult({"StackSummaries": [stack_description(one) for one in held]})

    def describe_stack_events(self) -> ActionResult:
        stack = self._stack(self._get_param("StackName"), deleted=True)
        return ActionResult({"StackEvents": [event_description(one) for one in reversed(stack.events)]})

    def describe_stack_resources(self) -> ActionResult:
        stack, wanted = self._stack(self._get_param("StackName"), deleted=True), self._get_param("LogicalResourceId")
        held = [one for one in resource_descriptions(stack) if wanted in {None, one["LogicalResourceId"]}]
        return ActionResult({"StackResources": held})

    def describe_stack_resource(self) -> ActionResult:
        stack, wanted = self._stack(self._get_param("StackName"), deleted=True), self._get_param("LogicalResourceId")
        for one in resource_descriptions(stack):
            if one["LogicalResourceId"] == wanted:
                return ActionResult({"StackResourceDetail": one})
        raise _error(f"Resource {wanted} does not exist for stack {stack.name}")

    def list_stack_resources(self) -> ActionResult:
        stack = self._stack(self._get_param("StackName"), deleted=True)
        return ActionResult({"StackResourceSummaries": resource_descriptions(stack)})

    def get_template(self) -> ActionResult:
        stack = self._stack(self._get_param("StackName"), deleted=True)
        return ActionResult({"TemplateBody": stack.wish.body if stack.wish else ""})

    def validate_template(self) -> ActionResult:
        template = _parsed(self._get_param("TemplateBody"))
        return ActionResult({"Description": template.get("Description"), "Parameters": declared_parameters(template)})

    def get_template_summary(self) -> ActionResult:
        body, name = self._get_param("TemplateBody"), self._get_param("StackName")
        if body is None:
            wish = self._stack(name).wish
            body = wish.body if wish else ""
        template = _parsed(body)
        types = sorted({one["Type"] for one in template["Resources"].values()})
        return ActionResult({"Parameters": declared_parameters(template), "ResourceTypes": types})

    # --- What the actions share --------------------------------------------------------------------------

    @property
    def _backend(self) -> StacksBackend:
        backend: StacksBackend = backends[self.current_account][self.region]
        return backend

    def _find(self, name: str) -> Stack | None:
        held = self._backend.stacks
        alive = [one for one in held.values() if one.deleted_at is None and name in {one.id, one.name}]
        return alive[0] if alive else None

    def _stack(self, name: str, *, deleted: bool = False) -> Stack:
        stack = self._find(name) or (self._backend.stacks.get(name) if deleted else None)
        if stack is None:
            raise _error(f"Stack with id {name} does not exist")
        return stack

    def _new_stack(self, name: str) -> Stack:
        stack_id = f"arn:aws:cloudformation:{self.region}:{self.current_account}:stack/{name}/{uuid4()}"
        server = urlsplit(self.uri)
        return Stack(name, stack_id, Services(f"http://{server.netloc}", self.region))

    def _for_creation(self, name: str) -> Stack:
        stack = self._find(name)
        if stack is None:
            return self._new_stack(name)
        if stack.status != "REVIEW_IN_PROGRESS":
            change_set = self._get_param("ChangeSetName")
            raise _error(
                f"Stack [{name}] already exists and cannot be created again with the changeSet [{change_set}]."
            )
        return stack

    def _updatable(self, name: str) -> Stack:
        stack = self._find(name)
        if stack is None:
            raise _error(f"Stack [{name}] does not exist")
        if stack.status not in _CAN_BE_UPDATED:
            raise _error(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
        return stack

    def _wish(self, stack: Stack | None) -> Wish:
        body = self._get_param("TemplateBody")
        if self._get_bool_param("UsePreviousTemplate", False) and stack is not None and stack.wish is not None:
            body = stack.wish.body
        if not body:
            raise _error("Either Template URL or Template Body must be specified.")
        given = {}
        for one in self._get_param("Parameters", []):
            name = one["ParameterKey"]
            if not one.get("UsePreviousValue"):
                given[name] = one["ParameterValue"]
            elif stack is not None and name in stack.parameters:
                given[name] = stack.parameters[name]
            else:
                raise _error(f"Invalid input for parameter key {name}. Cannot use a previous value: there is none.")
        tags = [(str(one["Key"]), str(one["Value"])) for one in self._get_param("Tags", [])]
        if not tags and stack is not None and stack.wish is not None:
            return Wish(body, given, stack.wish.tags)
        return Wish(body, given, tuple(tags))

    def _new_change_set(self, kind: str, stack: Stack, wish: Wish, changes: list[Change]) -> ChangeSet:
        name = self._get_param("ChangeSetName")
        held = [one for one in self._backend.change_sets.values() if one.stack is stack and one.name == name]
        if held:
            raise _error(f"ChangeSet [{held[0].id}] already exists", "AlreadyExistsException")
        values = parameter_values(parse_template(wish.body), wish.parameters)
        made = ChangeSet(
            id=f"arn:aws:cloudformation:{self.region}:{self.current_account}:changeSet/{name}/{uuid4()}",
            name=name,
            type=kind,
            stack=stack,
            wish=wish,
            values=values,
            changes=changes,
            capabilities=self._get_param("Capabilities", []),
            description=self._get_param("Description"),
        )
        if not changes and not _changes_outputs(stack, wish):
            made.status, made.execution_status, made.reason = "FAILED", "UNAVAILABLE", NO_CHANGES
        return made

    def _change_set(self) -> ChangeSet:
        name, stack_name = self._get_param("ChangeSetName"), self._get_param("StackName")
        for one in self._backend.change_sets.values():
            if one.id == name or (one.name == name and stack_name in {one.stack.name, one.stack.id}):
                return one
        raise _error(f"ChangeSet [{name}] does not exist", "ChangeSetNotFound")

    def _forget_change_sets(self, stack: Stack) -> None:
        """They were made for a stack that has changed since."""
        held = self._backend.change_sets
        for one in [one for one in held.values() if one.stack is stack]:
            del held[one.id]


class _Error(ServiceException):
    # moto takes the service, and so the form of the answer, from the module that an error is of.
    __module__ = "moto.cloudformation"


def _error(message: str, code: str = "ValidationError") -> ServiceException:
    return _Error(code, message)


def _parsed(body: str) -> dict[str, Any]:
    try:
        return parse_template(body)
    except TemplateError as error:
        raise _error(str(error)) from error


def _checked(stack: Stack, wish: Wish) -> list[Change]:
    """The changes of a wish that can be tried; one that cannot is refused before anything happens."""
    try:
        return stack.changes(wish)
    except (TemplateError, ValueError, KeyError) as error:
        raise _error(str(error)) from error


def _changes_outputs(stack: Stack, wish: Wish) -> bool:
    return stack.outputs_of(wish) != stack.outputs
