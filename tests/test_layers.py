"""Imports run one way: app → api → usecases → domain ← {exchanges, store, aws}; only runtime sees both sides."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "chalicelib"

MAY_IMPORT = {
    "app": {"handlers", "runtime", "api"},
    "handlers": {"runtime", "usecases", "domain"},
    "runtime": {"settings", "usecases", "domain", "exchanges", "store", "aws"},
    "settings": {"domain"},
    "api": {"runtime", "usecases", "domain"},
    "usecases": {"domain"},
    "exchanges": {"domain"},
    "store": {"domain"},
    "aws": {"domain"},
    "domain": set(),
}
"""Each layer may import these, and itself."""

LIBRARIES = {
    "aws_lambda_powertools": {"runtime", "aws"},
    "boto3": {"aws"},
    "botocore": {"aws", "store"},
    "chalice": {"app", "api"},
    "httpx": {"exchanges"},
    "pydantic": {"api"},
    "pynamodb": {"store"},
}
"""Who may import what touches the outside. The domain and the use cases stand in no line of it."""


def sources() -> list[Path]:
    return [ROOT / "app.py", *sorted((ROOT / PACKAGE).rglob("*.py"))]


def module_of(path: Path) -> str:
    """`api.errors` for chalicelib/api/errors.py, `app` for app.py."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part not in (PACKAGE, "__init__"))


def imported(source: str) -> Iterator[str]:
    """Every module that the text names in an import, wherever the statement stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where they lead"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def offences(module: str, source: str) -> list[str]:
    """What this module imports against the tables."""
    layer = module.partition(".")[0]
    found = []
    for name in imported(source):
        top, _, rest = name.partition(".")
        if top == PACKAGE:
            target = rest.partition(".")[0]
            if target != layer and target not in MAY_IMPORT[layer]:
                found.append(f"{module} imports {name}")
        elif top in ("app", "infra", "tests") or layer not in LIBRARIES.get(top, {layer}):
            found.append(f"{module} imports {name}")
    return found


@pytest.mark.parametrize("path", sources(), ids=module_of)
def test_a_module_imports_only_what_its_layer_may(path: Path) -> None:
    """The direction is read from the import statements, those inside functions included."""
    source = path.read_text(encoding="utf-8")

    assert offences(module_of(path), source) == []


def test_every_module_belongs_to_a_layer() -> None:
    """A new package has to be given its place in the table first."""
    layers = {module_of(path).partition(".")[0] for path in sources()} - {""}

    assert layers <= set(MAY_IMPORT)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("domain.orders", "import boto3"),
        ("domain.orders", "from pydantic import BaseModel"),
        ("domain.orders", "from chalicelib.usecases import sweep"),
        ("domain.orders", "def late():\n    from chalicelib.store.dynamo import DynamoStore"),
        ("usecases.sweep", "from chalicelib.api.http import answer"),
        ("usecases.sweep", "from chalicelib import runtime"),
        ("store.dynamo", "from chalicelib.exchanges.mock import MockExchange"),
        ("exchanges.mock", "import chalicelib.store.dynamo"),
        ("api.orders", "from chalicelib.store.dynamo import DynamoStore"),
        ("app", "from chalicelib.usecases.sweep import Sweep"),
        ("store.dynamo", "from infra.local import tables"),
    ],
)
def test_an_import_against_the_direction_is_noticed(module: str, source: str) -> None:
    """The check itself is checked."""
    found = offences(module, source)

    assert len(found) == 1


def loaded_after(statement: str) -> set[str]:
    """The modules of a fresh interpreter after `statement`."""
    script = f"{statement}; import sys, json; print(json.dumps(sorted(sys.modules)))"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("statement", ["import app", "import chalicelib.runtime"])
def test_a_cold_start_does_not_load_what_only_schedules_need(statement: str) -> None:
    """A cold API function pays neither for the sweep and reconcile nor for the AWS SDK's front end."""
    modules = loaded_after(statement)

    assert "chalicelib.domain.orders" in modules
    assert modules.isdisjoint({"chalicelib.usecases.sweep", "chalicelib.usecases.reconcile", "boto3"})
