"""The package and the layer that a deployment would upload, unpacked; nothing on AWS is touched."""

import shutil
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.deployment.chalice_commands import build_packages
from infra.deployment.project import ROOT, Network, build_project
from infra.deployment.settings import read_stage
from tests.infra.names import NAMES

BUILDS = ROOT / ".chalice" / "build" / "benchmark"
"""Beside those of the stages, and anew each time: what is finished once keeps no plain copy."""

STAGE = "dev"


@dataclass(frozen=True)
class Size:
    """In bytes."""

    zipped: int
    unpacked: int

    def __str__(self) -> str:
        return f"{self.zipped / 1e6:.2f} MB zipped, {self.unpacked / 1e6:.2f} MB unpacked"


@dataclass(frozen=True)
class Unpacked:
    """A folder as Lambda's are: `package` is /var/task, `layer` is /opt."""

    package: Path
    layer: Path
    environment: Mapping[str, str]
    """What the deployment sets on every function."""

    @property
    def libraries(self) -> Path:
        """The one folder of the layer that Python looks into."""
        (found,) = self.layer.glob("python/lib/python3.*/site-packages")
        return found

    def path(self) -> list[str]:
        """In Lambda's order."""
        return [str(self.package), str(self.layer / "python"), str(self.libraries)]


@dataclass(frozen=True)
class Built:
    """One way of packing, with the sizes of its two zips."""

    unpacked: Unpacked
    package: Size
    layer: Size


@contextmanager
def built() -> Iterator[tuple[Built, Built]]:
    """What is uploaded, and what Chalice had zipped of its own accord; in folders that are gone afterwards."""
    settings = read_stage(STAGE, {})
    environment = {
        **settings.functions,
        "ORDERS_STREAM_ARN": NAMES.orders_stream,
        "SWEEP_FUNCTION_NAME": NAMES.function("sweep"),
        "ADMIN_TOKEN_SECRET": NAMES.admin_token,
    }
    shutil.rmtree(BUILDS, ignore_errors=True)
    project = build_project(settings, NAMES, Network(), environment, BUILDS)
    build_packages(project, environment)
    packages, plain = BUILDS / "packages", project.folder / ".chalice" / "package"
    (package,), (layer,) = packages.glob("appcode-*.zip"), packages.glob("managed-layer-*.zip")
    with TemporaryDirectory() as folder:
        yield (
            _unpack(Path(folder) / "uploaded", package, layer, environment),
            _unpack(Path(folder) / "plain", plain / "deployment.zip", plain / "layer-deployment.zip", environment),
        )


def _unpack(folder: Path, package: Path, layer: Path, environment: Mapping[str, str]) -> Built:
    sizes = {}
    for name, file in (("package", package), ("layer", layer)):
        with zipfile.ZipFile(file) as archive:
            archive.extractall(folder / name)
        sizes[name] = Size(file.stat().st_size, size_of(folder / name))
    return Built(Unpacked(folder / "package", folder / "layer", environment), sizes["package"], sizes["layer"])


def parts(libraries: Path) -> Counter[str]:
    """Bytes of each package; what pip writes down beside it is counted with the rest, as `(metadata)`."""
    found: Counter[str] = Counter()
    for path in libraries.iterdir():
        name = "(metadata)" if path.suffix in (".dist-info", ".data") else path.name
        found[name] += size_of(path)
    return found


def size_of(path: Path) -> int:
    return path.stat().st_size if path.is_file() else sum(file.stat().st_size for file in _files(path))


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]
