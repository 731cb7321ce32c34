"""One account and one checkout a test; packages are downloaded and built once a run."""

import fcntl
import os
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.cloud import Cloud, serve_cloud
from tests.deployment.desk import BUILT, DeploymentDesk, check_out


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    with serve_cloud(record=True) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def packages(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a first deployment has downloaded and built, for those that come after it, in whichever process."""
    run = tmp_path_factory.getbasetemp()
    run = run.parent if "PYTEST_XDIST_WORKER" in os.environ else run
    shared = run / "packages"
    with (run / "packages.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not shared.exists():
            cloud.reset()
            first = DeploymentDesk(cloud, check_out(tmp_path_factory.mktemp("first") / "checkout"))
            first.deploy()
            (first.checkout / BUILT).rename(shared)
    return shared


@pytest.fixture(scope="session")
def small_packages(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with next to nothing in the layer: the whole one, sent and stored, is a third of a deployment's time."""
    small: Path = shutil.copytree(packages, tmp_path_factory.mktemp("small") / "packages")
    (layer,) = small.glob("managed-layer-*.zip")
    with zipfile.ZipFile(layer) as whole:
        kept = {name: whole.read(name) for name in whole.namelist() if "/typing_extensions" in name}
    with zipfile.ZipFile(layer, "w") as made:
        for name, content in kept.items():
            made.writestr(zipfile.ZipInfo(name), content)
    return small


@pytest.fixture
def desk(cloud: Cloud, tmp_path: Path, small_packages: Path) -> DeploymentDesk:
    """An empty account and a fresh checkout."""
    cloud.reset()
    return DeploymentDesk(cloud, check_out(tmp_path / "checkout", small_packages))
