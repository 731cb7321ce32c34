"""Credentials in AWS Secrets Manager, write-only from here."""

import asyncio
import json
from typing import Any

from chalicelib.domain.errors import SecretsUnavailableError


class ManagedSecrets:
    """Implements Secrets: one secret for each account, `{prefix}/accounts/{account_id}`."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._client: Any = None

    async def put(self, account_id: str, credentials: dict[str, Any]) -> str:
        name = f"{self._prefix}/accounts/{account_id}"
        await self._call(self._put, name, json.dumps(credentials))
        return name

    async def delete(self, secret_name: str) -> None:
        await self._call(self._delete, secret_name)

    async def _call(self, function: Any, *args: str) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            await asyncio.to_thread(function, *args)
        except (BotoCoreError, ClientError) as error:
            code = getattr(error, "response", {}).get("Error", {}).get("Code") or type(error).__name__
            raise SecretsUnavailableError(f"Secrets Manager did not take the request: {code}") from None

    def _put(self, name: str, text: str) -> None:
        client = self._secrets()
        try:
            client.put_secret_value(SecretId=name, SecretString=text)
        except client.exceptions.ResourceNotFoundException:
            client.create_secret(Name=name, SecretString=text)

    def _delete(self, name: str) -> None:
        client = self._secrets()
        try:
            client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
        except client.exceptions.ResourceNotFoundException:
            return

    def _secrets(self) -> Any:
        if self._client is None:
            import boto3

            self._client = boto3.client("secretsmanager")
        return self._client
