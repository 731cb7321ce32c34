"""Runs `chalice` in the folder that was made for it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from infra.deployment.errors import DeploymentError
from infra.deployment.packages import finish_packages
from infra.deployment.project import Project
from infra.deployment.settings import OWN_NAMES

_INCOMPLETE = "Could not install dependencies"


def build_packages(project: Project, environment: Mapping[str, str]) -> None:
    """Build the package and the layer that `chalice deploy` will upload, touching nothing on AWS.

    Chalice goes on without a dependency that it found no wheel for, and such a function cannot start: raises
    DeploymentError instead.
    """
    packages = (project.folder / ".chalice" / "deployments").resolve()
    finished = packages / f"finished-{project.sources()}"
    if finished.exists():
        return
    out = project.folder / ".chalice" / "package"
    said = _run(project, environment, "package", "--stage", project.stage, str(out))
    if _INCOMPLETE in said:
        shutil.rmtree(packages)  # else the next run would find it and take it as it is
        raise DeploymentError(f"a dependency has no wheel for Lambda; nothing was deployed. Chalice says:\n{said}")
    finish_packages(packages)
    finished.touch()


def chalice_deploy(project: Project, environment: Mapping[str, str]) -> str:
    """Returns what it printed. Raises DeploymentError."""
    return _run(project, environment, "deploy", "--stage", project.stage, "--connection-timeout", "120")


def chalice_delete(project: Project, environment: Mapping[str, str]) -> str:
    """Everything in the record is deleted. Returns what it printed. Raises DeploymentError."""
    return _run(project, environment, "delete", "--stage", project.stage)


def _run(project: Project, environment: Mapping[str, str], *arguments: str) -> str:
    """`environment`: app.py reads it when Chalice imports it, as it does in Lambda, and nothing else of ours."""
    inherited = {name: value for name, value in os.environ.items() if name not in OWN_NAMES}
    chalice = Path(sys.executable).with_name("chalice")
    done = subprocess.run(
        [str(chalice), *arguments],
        cwd=project.folder,
        env={**inherited, **environment, "PYTHONDONTWRITEBYTECODE": "1"},  # it would be zipped with the rest
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise DeploymentError(
            f"chalice {arguments[0]} did not succeed; mend that and run this again, it goes on where it stopped:\n"
            f"{done.stdout.strip()}"
        )
    return done.stdout
