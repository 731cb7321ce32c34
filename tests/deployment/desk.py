"""A checkout of its own, an AWS account on this machine, and the commands that work between the two."""

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3

from infra.local.cloud import Cloud
from infra.local.cloud_calls import Call

ROOT = Path(__file__).parent.parent.parent
_PARTS = ("app.py", "chalicelib", "infra", "requirements.txt", ".chalice/config.json")
BUILT = ".chalice/build/packages"
_REGION = "us-east-1"
KEYS = {"AWS_ACCESS_KEY_ID": "DEPLOYER", "AWS_SECRET_ACCESS_KEY": "secret"}


@dataclass
class Done:
    """How a command ended and all that it said."""

    status: int
    said: str


@dataclass
class DeploymentDesk:
    """`checkout` holds the project as a fresh clone does, nothing built."""

    cloud: Cloud
    checkout: Path

    def run(self, command: str, *arguments: str, typed: str = "", **settings: str) -> Done:
        """`infra/deploy` or `infra/destroy`, in this Python's own environment."""
        process = self._start(command, arguments, settings)
        said, _ = process.communicate(typed)
        return Done(process.returncode, said)

    def _start(self, command: str, arguments: Sequence[str], settings: Mapping[str, str]) -> "subprocess.Popen[str]":
        inherited = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
        return subprocess.Popen(
            [sys.executable, "-m", f"infra.deployment.{command}", *arguments],
            cwd=self.checkout,
            env={**inherited, **aws_environment(self.cloud), "PYTHONPATH": str(self.checkout), **settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def kill_at(self, wanted: Callable[[Call], bool], stage: str = "dev", **settings: str) -> list[Call]:
        """Start a deployment and kill it and all that it has started, with SIGKILL, at the first call that is wanted;
        that call is carried out all the same. Returns the calls up to then."""
        made: list[Call] = []
        process: list[subprocess.Popen[str]] = []

        def look(call: Call) -> None:
            made.append(call)
            if process and wanted(call):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process[0].pid, signal.SIGKILL)

        self.cloud.on_call = look
        try:
            process.append(self._start("deploy", ("--stage", stage), settings))
            said, _ = process[0].communicate()
        finally:
            self.cloud.on_call = None
        assert process[0].returncode == -signal.SIGKILL, said
        return made

    def deploy(self, stage: str = "dev", *arguments: str, **settings: str) -> Done:
        """A deployment that has to succeed."""
        done = self.run("deploy", "--stage", stage, *arguments, **settings)
        assert done.status == 0, done.said
        return done

    def destroy(self, stage: str = "dev", *arguments: str, typed: str = "") -> Done:
        """The end of a stage, which has to succeed."""
        done = self.run("destroy", "--stage", stage, *arguments, typed=typed)
        assert done.status == 0, done.said
        return done

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.cloud.url,
            region_name=_REGION,
            aws_access_key_id="LOOKER",
            aws_secret_access_key="secret",
        )


def aws_environment(cloud: Cloud, key: str = "DEPLOYER") -> dict[str, str]:
    """Variables of a process that has this account and no other in reach."""
    return {
        "AWS_ENDPOINT_URL": cloud.url,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": _REGION,
        "AWS_DEFAULT_REGION": _REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@cache
def _snapshot() -> Path:
    """What a clone holds, as it was when the first test asked for it: somebody may be at work in the folder itself."""
    folder = TemporaryDirectory()
    atexit.register(folder.cleanup)
    _copy(ROOT, Path(folder.name))
    return Path(folder.name)


def check_out(folder: Path, packages: Path | None = None) -> Path:
    """A fresh clone, so to speak. `packages`: of an earlier checkout, to save the time of downloading them."""
    _copy(_snapshot(), folder)
    if packages is not None:
        shutil.copytree(packages, folder / BUILT)
    return folder


def _copy(origin: Path, folder: Path) -> None:
    for name in _PARTS:
        source, target = origin / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)
