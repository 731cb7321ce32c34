"""The folder that Chalice deploys: exactly what belongs into the package, and what the stack told.

It is made anew each time, so nothing that lies about in the checkout gets into Lambda, and the same commit and
settings make the same bytes: a fingerprint of the folder says whether a deployment would change anything.
"""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.deployment.policies import Names, api_policy, function_names, function_policy
from infra.deployment.settings import CONFIG, StageSettings

ROOT = Path(__file__).parent.parent.parent
_BUILDS = ROOT / ".chalice" / "build"
_SOURCES = ("app.py", "chalicelib", "requirements.txt")
_LONG_AGO = 315532800
"""1980-01-01, the first time that a zip can hold: the checkout's times would make other bytes of the same files."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """Where the functions live if their addresses must not change; empty: in Lambda's own network."""

    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    """Those that were made for it; one that was taken up is known already."""


def build_project(
    settings: StageSettings, names: Names, network: Network, environment: Mapping[str, str], builds: Path = _BUILDS
) -> "Project":
    """Write the folder; what Chalice has built of it before (zips, by their contents) is kept."""
    folder = builds / settings.stage
    _share_packages(folder / ".chalice" / "deployments", builds / "packages")
    for name in (*_SOURCES, ".chalice/policies", ".chalice/deployed"):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for name in _SOURCES:
        for source in _files(ROOT / name):
            target = folder / source.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            os.utime(target, (_LONG_AGO, _LONG_AGO))
    chalice = folder / ".chalice"
    _write(chalice / "config.json", _config(settings, network, environment))
    in_vpc = bool(network.subnets)
    for function in function_names():
        policy = function_policy(function, names, tracing=settings.tracing, in_vpc=in_vpc)
        _write(chalice / "policies" / f"{function}.json", policy)
    api = api_policy(settings.webhook_cidrs, settings.admin_cidrs, settings.api_stage)
    _write(chalice / "policies" / "api.json", api)
    return Project(folder, settings.stage)


@dataclass(frozen=True)
class Project:
    """What `build_project` wrote."""

    folder: Path
    stage: str

    @property
    def record(self) -> Path:
        """Chalice's own note of what it has deployed."""
        return self.folder / ".chalice" / "deployed" / f"{self.stage}.json"

    def policy(self, function: str) -> dict[str, Any]:
        """As it was rendered."""
        path = self.folder / ".chalice" / "policies" / f"{function}.json"
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return document

    def write_record(self, record: Mapping[str, Any]) -> None:
        _write(self.record, record)

    def fingerprint(self) -> str:
        """Of everything but the functions' environment: another one means that Chalice has to deploy."""
        digest = hashlib.sha256(self.sources().encode())
        config = json.loads((self.folder / ".chalice" / "config.json").read_text(encoding="utf-8"))
        config["stages"][self.stage].pop("environment_variables")
        digest.update(json.dumps(config, sort_keys=True).encode())
        self._add(digest, ".chalice/policies")
        return digest.hexdigest()

    def sources(self) -> str:
        """Of what the zips are made of."""
        import chalice

        digest = hashlib.sha256(f"{sys.version_info[:2]} {chalice.__version__}".encode())
        self._add(digest, *_SOURCES)
        return digest.hexdigest()

    def _add(self, digest: "hashlib._Hash", *names: str) -> None:
        for name in names:
            for path in _files(self.folder / name):
                digest.update(f"\0{path.relative_to(self.folder)}\0".encode())
                digest.update(path.read_bytes())


def _share_packages(link: Path, packages: Path) -> None:
    """Chalice names what it has built by its contents, which the stages have in common."""
    packages.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(packages.resolve())


def _config(settings: StageSettings, network: Network, environment: Mapping[str, str]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(CONFIG.read_text(encoding="utf-8"))
    stage = {**document["stages"][settings.stage], "environment_variables": dict(environment)}
    if settings.tracing:
        stage["xray"] = True
    if network.subnets:
        stage |= {"subnet_ids": list(network.subnets), "security_group_ids": list(network.security_groups)}
    return {**document, "stages": {settings.stage: stage}}


def _files(path: Path) -> Iterator[Path]:
    """The file, or a folder's files in one order everywhere; nothing that Python or an editor left there."""
    if path.is_file():
        yield path
        return
    for name in sorted(path.rglob("*")):
        inside = name.relative_to(path).parts
        hidden = any(part.startswith(".") or part == "__pycache__" for part in inside)
        if name.is_file() and not hidden and name.suffix not in (".pyc", ".orig", ".rej") and name.name[-1] != "~":
            yield name


def _write(path: Path, document: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n", encoding="utf-8")
