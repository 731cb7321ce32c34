"""The AWS account and region that a command works in, and its clients."""

import os
from functools import cache
from typing import Any

from infra.deployment.errors import DeploymentError


class Aws:
    """Raises DeploymentError where there are no usable credentials, or no region."""

    def __init__(self) -> None:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError

        # The control plane throttles whoever asks often; Chalice, which we start, goes by the same.
        os.environ.setdefault("AWS_RETRY_MODE", "standard")
        os.environ.setdefault("AWS_MAX_ATTEMPTS", "10")
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        self._session = boto3.Session(region_name=region)
        if not self._session.region_name:
            raise DeploymentError("no region: set AWS_REGION, such as ap-northeast-1 (the README says which for which)")
        try:
            identity = self.client("sts").get_caller_identity()
        except (BotoCoreError, ClientError) as error:
            raise DeploymentError(
                f"AWS does not take the credentials ({error}): set AWS_PROFILE, or AWS_ACCESS_KEY_ID and its secret"
            ) from None
        self.region: str = self._session.region_name
        self.account: str = identity["Account"]
        self.partition: str = identity["Arn"].split(":")[1]

    @property
    def stands_in(self) -> bool:
        """Whether something on this machine stands for AWS, which runs no functions."""
        return bool(os.environ.get("AWS_ENDPOINT_URL"))

    @cache  # noqa: B019 - there is one Aws a process
    def client(self, service: str) -> Any:
        """One for each service."""
        return self._session.client(service)
