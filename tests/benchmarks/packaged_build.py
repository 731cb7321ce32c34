"""The package and the layer that a deployment would upload, unpacked; nothing on AWS is touched."""

import compileall
import io
import os
import shutil
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.deployment.chalice_commands import check_package
from infra.deployment.policies import Names
from infra.deployment.project import ROOT, Network, build_project
from infra.deployment.settings import read_stage

BUILDS = ROOT / ".chalice" / "build" / "benchmark"
"""Beside those of the stages; the layer is built anew only where requirements.txt has changed."""

STAGE = "dev"
USED_SERVICES = ("dynamodb", "lambda", "secretsmanager", "sts")
"""Whose descriptions in botocore's data the functions load; what lies beside them belongs to all services."""

_NAMES = Names(
    partition="aws",
    region="us-east-1",
    account="123456789012",
    table_prefix="trading-bot-dev",
    function_prefix="trading-bot-dev",
    orders_stream="arn:aws:dynamodb:us-east-1:123456789012:table/trading-bot-dev-orders/stream/2026-11-21T00:00:00.000",
    admin_token="arn:aws:secretsmanager:us-east-1:123456789012:secret:trading-bot-dev/admin-token-AbCdEf",
    dead_letters="arn:aws:sqs:us-east-1:123456789012:trading-bot-dev-DeadLetters",
)


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


@contextmanager
def unpacked() -> Iterator[tuple[Unpacked, Mapping[str, Size]]]:
    """Built, measured as `package` and `layer`, and unpacked to a folder that is gone afterwards."""
    settings = read_stage(STAGE, {})
    environment = {
        **settings.functions,
        "ORDERS_STREAM_ARN": _NAMES.orders_stream,
        "SWEEP_FUNCTION_NAME": _NAMES.function("sweep"),
        "ADMIN_TOKEN_SECRET": _NAMES.admin_token,
    }
    project = build_project(settings, _NAMES, Network(), environment, BUILDS)
    check_package(project, environment)
    built = project.folder / ".chalice" / "package"
    sizes = {}
    with TemporaryDirectory() as folder:
        for name, file in (("package", "deployment.zip"), ("layer", "layer-deployment.zip")):
            with zipfile.ZipFile(built / file) as archive:
                archive.extractall(Path(folder) / name)
            sizes[name] = Size((built / file).stat().st_size, size_of(Path(folder) / name))
        yield Unpacked(Path(folder) / "package", Path(folder) / "layer", environment), sizes


@contextmanager
def compiled(plain: Unpacked) -> Iterator[Unpacked]:
    """A copy with bytecode beside each module."""
    with TemporaryDirectory() as folder:
        copy = Unpacked(Path(folder) / "package", Path(folder) / "layer", plain.environment)
        for source, target in ((plain.package, copy.package), (plain.layer, copy.layer)):
            shutil.copytree(source, target)
            if not compileall.compile_dir(target, quiet=2, workers=os.cpu_count() or 1):
                raise RuntimeError("a module of the package cannot be compiled")
        yield copy


def parts(libraries: Path) -> Counter[str]:
    """Bytes of each package; what pip writes down beside it is counted with the rest, as `(metadata)`."""
    found: Counter[str] = Counter()
    for path in libraries.iterdir():
        name = "(metadata)" if path.suffix in (".dist-info", ".data") else path.name
        found[name] += size_of(path)
    return found


def without_unused_services(libraries: Path) -> Size:
    """What a layer would be that holds botocore's descriptions of the services that are used only."""
    files = [path for path in _files(libraries) if not _is_unused(path.relative_to(libraries))]
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path, path.relative_to(libraries))
    return Size(memory.tell(), sum(path.stat().st_size for path in files))


def zipped_size(folder: Path) -> int:
    """What the folder would be as Chalice packs it."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in _files(folder):
            archive.write(path, path.relative_to(folder))
    return memory.tell()


def size_of(path: Path) -> int:
    return path.stat().st_size if path.is_file() else sum(file.stat().st_size for file in _files(path))


def _is_unused(path: Path) -> bool:
    """In `botocore/data`, a folder is a service; the files beside them belong to all."""
    package, _, rest = str(path).partition("/data/")
    service, inside, _ = rest.partition("/")
    return package in ("botocore", "boto3") and bool(inside) and service not in USED_SERVICES


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]
