"""One account and one checkout a test file; packages are downloaded once a process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.cloud import Cloud, serve_cloud
from tests.deployment.desk import DeploymentDesk, check_out


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    with serve_cloud(record=True) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first checkout's packages are found by those that come after it."""
    return tmp_path_factory.mktemp("packages") / "shared"


@pytest.fixture
def desk(cloud: Cloud, tmp_path: Path, packages: Path) -> Iterator[DeploymentDesk]:
    """An empty account and a fresh checkout."""
    cloud.reset()
    checkout = check_out(tmp_path / "checkout", packages if packages.exists() else None)
    yield DeploymentDesk(cloud, checkout)
    built = checkout / ".chalice" / "build" / "packages"
    if built.exists() and not packages.exists():
        built.rename(packages)
