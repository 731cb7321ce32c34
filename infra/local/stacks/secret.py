"""Secrets as a stack makes and changes them."""

import json
from typing import Any

from infra.local.stacks.kinds import Properties, changed, refuse, tag_difference
from infra.local.stacks.services import Services


class Secret:
    """AWS::SecretsManager::Secret; what it generates stays until its recipe changes."""

    name_property: str | None = "Name"
    replaced_by = frozenset({"Name"})
    tags = True
    _known = frozenset({"Name", "Description", "KmsKeyId", "SecretString", "GenerateSecretString", "Tags"})

    def create(self, services: Services, name: str, properties: Properties) -> str:
        refuse(properties, set(self._known))
        given = {one: properties[one] for one in ("Description", "KmsKeyId", "Tags") if one in properties}
        value = self._value(services, properties)
        return str(services.call("secretsmanager", "CreateSecret", Name=name, SecretString=value, **given)["ARN"])

    def update(self, services: Services, physical_id: str, old: Properties, new: Properties) -> None:
        refuse(new, set(self._known))
        names = changed(old, new)
        if names & {"Description", "KmsKeyId"}:
            given = {"Description": new.get("Description", "")}
            given |= {"KmsKeyId": new["KmsKeyId"]} if "KmsKeyId" in new else {}
            services.call("secretsmanager", "UpdateSecret", SecretId=physical_id, **given)
        if names & {"SecretString", "GenerateSecretString"}:
            value = self._value(services, new)
            services.call("secretsmanager", "PutSecretValue", SecretId=physical_id, SecretString=value)
        gone, put = tag_difference(old, new)
        if gone:
            services.call("secretsmanager", "UntagResource", SecretId=physical_id, TagKeys=gone)
        if put:
            services.call("secretsmanager", "TagResource", SecretId=physical_id, Tags=put)

    def delete(self, services: Services, physical_id: str, properties: Properties) -> None:
        services.call("secretsmanager", "DeleteSecret", SecretId=physical_id, ForceDeleteWithoutRecovery=True)

    def attribute(self, services: Services, physical_id: str, properties: Properties, name: str) -> Any:
        return {"Id": physical_id}[name]

    def _value(self, services: Services, properties: Properties) -> str:
        if "GenerateSecretString" not in properties:
            return str(properties.get("SecretString", ""))
        wish = dict(properties["GenerateSecretString"])
        template, key = wish.pop("SecretStringTemplate", None), wish.pop("GenerateStringKey", None)
        made = str(services.call("secretsmanager", "GetRandomPassword", **wish)["RandomPassword"])
        return json.dumps({**json.loads(template), key: made}) if template is not None else made
