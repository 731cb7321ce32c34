"""What Chalice has zipped, made smaller and faster: bytecode beside the sources, no descriptions of unused services.

Lambda cannot write bytecode, so without it every cold start compiles every module that it imports. Measured by
`infra/bench packaged`.
"""

import compileall
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from py_compile import PycInvalidationMode

from infra.deployment.errors import DeploymentError

USED_SERVICES = ("dynamodb", "lambda", "secretsmanager", "sts")
"""Whose descriptions botocore is asked for; those of all others are half of the layer."""

_MADE = (1980, 1, 1, 0, 0, 0)


def finish_packages(folder: Path) -> None:
    """Rewrite each zip that was not finished before. Chalice finds them by name and uploads them as they are."""
    for package in sorted(folder.glob("*.zip")):
        with zipfile.ZipFile(package) as opened:
            finished = any(name.endswith(".pyc") for name in opened.namelist())
        if not finished:
            _finish(package)


def _finish(package: Path) -> None:
    with tempfile.TemporaryDirectory(dir=package.parent) as made:
        content, finished = Path(made) / "content", Path(made) / package.name
        with zipfile.ZipFile(package) as opened:
            opened.extractall(content)
        for data in content.rglob("botocore/data"):
            _prune(data)
        for data in content.rglob("boto3/data"):  # descriptions of resources, a way of calling that we do not use
            shutil.rmtree(data)
        _compile(content)
        _zip(content, finished)
        os.replace(finished, package)


def _prune(data: Path) -> None:
    """The files beside the services belong to all of them."""
    for service in data.iterdir():
        if service.is_dir() and service.name not in USED_SERVICES:
            shutil.rmtree(service)


def _compile(content: Path) -> None:
    """Unchecked, for a zip has no times by which Python could tell whether the bytecode is that of the source."""
    if not compileall.compile_dir(
        content, quiet=2, stripdir=str(content), invalidation_mode=PycInvalidationMode.UNCHECKED_HASH
    ):
        raise DeploymentError("a module of the package does not compile; nothing was deployed")


def _zip(content: Path, target: Path) -> None:
    """In one order and with one time, so that the same files make the same bytes."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        for path in _files(content):
            entry = zipfile.ZipInfo(str(path.relative_to(content)), _MADE)
            entry.external_attr = (path.stat().st_mode & 0o755 | 0o444) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(entry, path.read_bytes())


def _files(content: Path) -> Iterator[Path]:
    return (path for path in sorted(content.rglob("*")) if path.is_file())
