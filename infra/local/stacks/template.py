"""CloudFormation templates: reading them, their parameters, their conditions, and the values of their functions."""

import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_network
from itertools import islice
from typing import Any

import yaml

_SUBSTITUTED = re.compile(r"\$\{([^}]+)\}")
_PSEUDO = "AWS::"


class TemplateError(Exception):
    """The template or its parameters are not acceptable; the text is as AWS words it."""


class NoValue:
    """`AWS::NoValue`: what stands here is left out."""


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, and dates left as the text that they are."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> Any:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        raise TemplateError(f"Template format error: !{suffix} takes a text or a list")
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_scalar)  # type: ignore[type-var]


def parse_template(text: str) -> dict[str, Any]:
    """The template's JSON form. Raises TemplateError."""
    try:
        template = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise TemplateError(f"Template format error: YAML not well-formed. ({error})") from error
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
        raise TemplateError("Template format error: At least one Resources member must be defined.")
    for name, resource in template["Resources"].items():
        if not isinstance(resource, dict) or "Type" not in resource:
            raise TemplateError(
                f"Template format error: [/Resources/{name}] Every Resources object must contain a Type"
            )
    return template


def parameter_values(template: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    """Every parameter's text: what is given, else its default. Raises TemplateError."""
    declared: dict[str, Any] = template.get("Parameters") or {}
    if unknown := sorted(set(given) - set(declared)):
        raise TemplateError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    values = {name: given.get(name, _text(one.get("Default"))) for name, one in declared.items()}
    if missing := sorted(name for name, value in values.items() if value is None):
        raise TemplateError(f"Parameters: [{', '.join(missing)}] must have values")
    for name, value in values.items():
        _check_parameter(name, declared[name], str(value))
    return {name: str(value) for name, value in values.items()}


def _check_parameter(name: str, declared: Mapping[str, Any], value: str) -> None:
    items = value.split(",") if "List" in declared["Type"] else [value]
    for item in items:
        pattern = declared.get("AllowedPattern")
        if pattern is not None and not re.fullmatch(pattern, item):
            constraint = declared.get("ConstraintDescription") or f"must match pattern {pattern}"
            raise TemplateError(f"Parameter {name} failed to satisfy constraint: {constraint}")
        allowed = [_text(one) for one in declared.get("AllowedValues") or [item]]
        if item not in allowed:
            raise TemplateError(f"Parameter '{name}' must be one of AllowedValues")
        if declared["Type"] == "Number" and not re.fullmatch(r"-?\d+(\.\d+)?", item):
            raise TemplateError(f"Parameter '{name}' must be a number.")
    if not int(declared.get("MinLength", 0)) <= len(value) <= int(declared.get("MaxLength", 4096)):
        raise TemplateError(f"Parameter '{name}' must be of a length between MinLength and MaxLength")


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


class Resolver:
    """Values of a template's functions; `reference` says what a resource's Ref or attribute is."""

    def __init__(
        self,
        template: Mapping[str, Any],
        parameters: Mapping[str, str],
        pseudo: Mapping[str, str],
        reference: Callable[[str, str | None], Any],
    ) -> None:
        self._template = template
        self._pseudo = pseudo
        self._reference = reference
        self._parameters: dict[str, Any] = {}
        for name, value in parameters.items():
            is_list = "List" in template["Parameters"][name]["Type"]
            self._parameters[name] = [item.strip() for item in value.split(",")] if is_list else value

    def wanted(self) -> list[str]:
        """The resources whose condition holds, each after those that it needs. Raises TemplateError."""
        resources: dict[str, Any] = self._template["Resources"]
        kept = {name: one for name, one in resources.items() if self.holds(one.get("Condition"))}
        needs = {name: self._needs(name, one) for name, one in kept.items()}
        ordered: list[str] = []
        while len(ordered) < len(kept):
            ready = [name for name in kept if name not in ordered and needs[name] <= set(ordered)]
            if not ready:
                circle = ", ".join(name for name in kept if name not in ordered)
                raise TemplateError(f"Circular dependency between resources: [{circle}]")
            ordered += ready
        self._check_outputs(set(kept))
        return ordered

    def _check_outputs(self, kept: set[str]) -> None:
        for one in (self._template.get("Outputs") or {}).values():
            if not self.holds(one.get("Condition")):
                continue
            named = {name for name in self._named(one["Value"]) if not name.startswith(_PSEUDO)}
            if missing := sorted(named - kept - set(self._parameters)):
                message = (
                    f"Unresolved resource dependencies [{', '.join(missing)}] in the Outputs block of the template"
                )
                raise TemplateError(f"Template format error: {message}")

    def _needs(self, name: str, resource: Mapping[str, Any]) -> set[str]:
        resources = self._template["Resources"]
        after = resource.get("DependsOn") or []
        waits_for = {after} if isinstance(after, str) else set(after)
        named = {*waits_for, *self._named(resource.get("Properties"))}
        known = {*resources, *self._parameters}
        if unknown := sorted(one for one in named if one not in known and not one.startswith(_PSEUDO)):
            message = f"Unresolved resource dependencies [{', '.join(unknown)}] in the Resources block of the template"
            raise TemplateError(f"Template format error: {message}")
        absent = {one for one in named if one in resources and not self.holds(resources[one].get("Condition"))}
        if missing := sorted(absent - waits_for):
            message = f"Unresolved resource dependencies [{', '.join(missing)}] in the Resources block of the template"
            raise TemplateError(f"Template format error: {message}")
        return {one for one in named if one in resources and one not in absent and one != name}

    def _named(self, node: Any) -> Iterator[str]:
        """The names that a value refers to, in the branches of Fn::If that are taken."""
        if isinstance(node, list):
            for item in node:
                yield from self._named(item)
        elif isinstance(node, dict) and len(node) == 1 and "Fn::If" in node:
            yield from self._named(self._branch(node["Fn::If"]))
        elif isinstance(node, dict):
            for key, value in node.items():
                if key == "Ref":
                    yield value
                elif key == "Fn::GetAtt":
                    yield (value.split(".", 1) if isinstance(value, str) else value)[0]
                elif key == "Fn::Sub":
                    yield from self._named_in_text(value)
                elif key != "Fn::FindInMap":
                    yield from self._named(value)

    def _named_in_text(self, value: Any) -> Iterator[str]:
        text, own = (value, {}) if isinstance(value, str) else value
        yield from self._named(list(own.values()))
        for name in _SUBSTITUTED.findall(text):
            if not name.startswith("!") and name not in own:
                yield name.partition(".")[0]

    def holds(self, condition: Any) -> bool:
        """Whether a condition, by its name or written out, is met; none always is."""
        if condition is None:
            return True
        if isinstance(condition, str):
            conditions = self._template.get("Conditions") or {}
            if condition not in conditions:
                raise TemplateError(f"Template format error: Unresolved condition dependency {condition}")
            return self.holds(conditions[condition])
        (function, value), *_ = condition.items()
        if function == "Condition":
            return self.holds(value)
        if function == "Fn::Equals":
            left, right = (_text(self.value(one)) for one in value)
            return left == right
        if function == "Fn::Not":
            return not self.holds(value[0])
        if function in {"Fn::And", "Fn::Or"}:
            return (all if function == "Fn::And" else any)(self.holds(one) for one in value)
        raise TemplateError(f"Template validation error: {function} is not a condition")

    def value(self, node: Any) -> Any:
        """What a value stands for, with its functions carried out. Raises TemplateError."""
        if isinstance(node, list):
            return [item for item in map(self.value, node) if item is not NoValue]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (function, argument), *_ = node.items()
            if function == "Ref":
                return self._named_value(argument)
            if function.startswith("Fn::"):
                return self._call(function, argument)
        result = {key: self.value(value) for key, value in node.items()}
        return {key: value for key, value in result.items() if value is not NoValue}

    def _named_value(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NoValue
        if name in self._pseudo:
            return self._pseudo[name]
        if name in self._parameters:
            return self._parameters[name]
        return self._reference(name, None)

    def _call(self, function: str, argument: Any) -> Any:
        match function:
            case "Fn::GetAtt":
                name, attribute = argument.split(".", 1) if isinstance(argument, str) else map(self.value, argument)
                return self._reference(name, attribute)
            case "Fn::If":
                return self.value(self._branch(argument))
            case "Fn::Sub":
                return self._substituted(argument)
            case "Fn::Join":
                return argument[0].join(str(_text(item)) for item in self.value(argument[1]))
            case "Fn::Split":
                return str(self.value(argument[1])).split(argument[0])
            case "Fn::Select":
                return self.value(argument[1])[int(self.value(argument[0]))]
            case "Fn::FindInMap":
                table, *keys = map(self.value, argument)
                found = (self._template.get("Mappings") or {})[table]
                for key in keys:
                    found = found[key]
                return found
            case "Fn::GetAZs":
                region = self.value(argument) or self._pseudo["AWS::Region"]
                return [f"{region}{zone}" for zone in "abc"]
            case "Fn::Cidr":
                block, count, bits = map(self.value, argument)
                parts = ip_network(block).subnets(new_prefix=32 - int(bits))
                return [str(part) for part in islice(parts, int(count))]
        raise TemplateError(f"Template error: {function} is not known here")

    def _branch(self, argument: list[Any]) -> Any:
        name, when_true, when_false = argument
        return when_true if self.holds(name) else when_false

    def _substituted(self, argument: Any) -> str:
        text, own = (argument, {}) if isinstance(argument, str) else argument

        def one(match: re.Match[str]) -> str:
            name = match[1].strip()
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in own:
                return str(_text(self.value(own[name])))
            resource, _, attribute = name.partition(".")
            found = self._reference(resource, attribute) if attribute else self._named_value(name)
            return str(_text(found))

        return _SUBSTITUTED.sub(one, text)
