"""The functions of a deployed stage, run from what was uploaded, each as a process that has nothing else."""

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.deployment.desk import DeploymentDesk, aws_environment

_PROCESS = Path(__file__).with_name("lambda_process.py")
_CHEAP_PATIENCE = 12_000
"""Milliseconds that an invocation is given: a sweep stays awake as long as it may."""


@dataclass
class Invocation:
    """What came of it: the handler's result, and the lines that would be in its log."""

    result: Any
    lines: list[dict[str, Any]]


class Functions:
    """Downloads each function with its layers once; every invocation is a cold start."""

    def __init__(self, desk: DeploymentDesk, folder: Path, prefix: str = "trading-bot-dev") -> None:
        self._desk = desk
        self._folder = folder
        self._prefix = prefix
        self._client = desk.client("lambda")

    def name(self, function: str) -> str:
        return self._prefix if function == "api_handler" else f"{self._prefix}-{function}"

    def invoke(self, function: str, event: Any, milliseconds: int = _CHEAP_PATIENCE) -> Invocation:
        """Its own environment and handler; its access key is its name, by which its calls are known."""
        name = self.name(function)
        found = self._client.get_function(FunctionName=name)["Configuration"]
        environment = {
            **found["Environment"]["Variables"],
            **aws_environment(self._desk.cloud, key=name),
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(found["MemorySize"]),
        }
        read, write = os.pipe()
        script = f'exec "$0" -I -S -B "$@" 3>&{write}'
        folders = [str(folder) for folder in self._folders(name, found)]
        with os.fdopen(read) as result:
            done = subprocess.run(
                ["bash", "-c", script, sys.executable, str(_PROCESS), found["Handler"], str(milliseconds), *folders],
                cwd=folders[0],
                env=environment,
                input=json.dumps(event),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                pass_fds=[write],
            )
            os.close(write)
            assert done.returncode == 0, done.stdout
            answer = json.loads(result.read())
        return Invocation(answer, [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")])

    def _folders(self, name: str, found: dict[str, Any]) -> list[Path]:
        """/var/task and, of /opt, what is on Python's path."""
        path = [self._unpacked(name, self._desk.cloud.function_package, name)]
        for layer in found["Layers"]:
            opt = self._unpacked(layer["Arn"].replace(":", "_"), self._desk.cloud.layer_package, layer["Arn"])
            path += [opt / "python", *opt.glob("python/lib/python3*/site-packages")]
        return path

    def _unpacked(self, name: str, download: Callable[[str], bytes], of: str) -> Path:
        folder = self._folder / name
        if not folder.exists():
            zipfile.ZipFile(io.BytesIO(download(of))).extractall(folder)
        return folder


def api_event(
    method: str, resource: str, body: Any = None, *, token: str | None = None, **parameters: str
) -> dict[str, Any]:
    """A request as API Gateway hands it on, the stage's name in the path; parameters fill the resource's braces."""
    path = resource.format(**parameters)
    headers = {"content-type": "text/plain; charset=utf-8", "x-forwarded-for": "52.89.214.238"}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": resource,
            "httpMethod": method,
            "path": f"/api{path}",
            "stage": "api",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "identity": {"sourceIp": "52.89.214.238", "userAgent": "Go-http-client/1.1"},
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


def stream_event(records: list[dict[str, Any]], stream: str) -> dict[str, Any]:
    """Records of GetRecords as Lambda hands them on."""
    made = []
    for record in records:
        change = dict(record["dynamodb"])
        change["ApproximateCreationDateTime"] = change["ApproximateCreationDateTime"].timestamp()
        made.append({**record, "dynamodb": change, "eventSourceARN": stream})
    return {"Records": made}
