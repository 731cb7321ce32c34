"""The GitHub workflow: what it checks, what it deploys when, and that no key lies in it."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"

TEXT = WORKFLOW.read_text("utf-8")
DOCUMENT: dict[Any, Any] = yaml.safe_load(TEXT)
JOBS: dict[str, dict[str, Any]] = DOCUMENT["jobs"]

MAIN = {"event_name": "push", "ref": "refs/heads/main"}
TAG = {"event_name": "push", "ref": "refs/tags/v1.2.3"}


def command(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command that is installed beside Python."""
    path = Path(sys.executable).with_name(name)
    return subprocess.run([path, *arguments], capture_output=True, text=True, check=False, timeout=120)


def actionlint(path: Path) -> subprocess.CompletedProcess[str]:
    """Expressions, contexts, ids of jobs; without the linters of scripts that a machine may or may not have."""
    return command("actionlint", "-shellcheck=", "-pyflakes=", "-config-file", os.devnull, str(path))


def check_schema(path: Path) -> subprocess.CompletedProcess[str]:
    """The structure, by GitHub's own schema, of which the tool brings a copy."""
    return command("check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(path))


def value(expression: str, *, fork: bool = False, **github: str) -> Any:
    """What GitHub makes of an expression of this workflow's kind."""
    python = expression.strip().removeprefix("${{").removesuffix("}}").replace("&&", " and ").replace("||", " or ")
    python = re.sub(r"!(?!=)", " not ", python).replace("startsWith(", "starts_with(")
    python = python.replace("github.event.repository.fork", repr(fork))
    python = re.sub(r"github\.(\w+)", lambda name: repr(github[name[1]]), python)
    return eval(python.strip(), {"__builtins__": {}, "starts_with": str.startswith})  # noqa: S307 - our own file


def deploy_steps() -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = JOBS["deploy"]["steps"]
    return steps


def position(text: str) -> int:
    """Of the one step of the deployment that has this in its command or its action."""
    (found,) = [
        index for index, step in enumerate(deploy_steps()) if text in step.get("run", "") + step.get("uses", "")
    ]
    return found


@pytest.mark.parametrize("check", [actionlint, check_schema])
def test_a_linter_has_no_finding(check: Any) -> None:
    """Both: one knows expressions and actions, the other the structure."""
    done = check(WORKFLOW)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (actionlint, "needs: checks", "needs: tests"),
        (actionlint, "${{ matrix.stage }}", "${{ matrix.stages }}"),
        (actionlint, "github.event_name == 'push'", "github.event_nam == 'push'"),
        (check_schema, "runs-on: ubuntu-latest", "runs-in: ubuntu-latest"),
        (check_schema, "id-token: write", "id-token: always"),
    ],
)
def test_a_broken_workflow_is_noticed(tmp_path: Path, check: Any, right: str, wrong: str) -> None:
    """The checks themselves are checked."""
    assert right in TEXT
    broken = tmp_path / "ci.yml"
    broken.write_text(TEXT.replace(right, wrong), "utf-8")

    done = check(broken)

    assert done.returncode != 0


def test_every_push_and_pull_request_is_checked() -> None:
    """By the one command that a person uses, too."""
    triggers = DOCUMENT[True]  # YAML 1.1 reads `on` so

    assert triggers == {"push": None, "pull_request": None}
    assert "if" not in JOBS["checks"]
    assert JOBS["checks"]["steps"][-1] == {"run": ".ci/run"}


@pytest.mark.parametrize(
    ("github", "stage"),
    [
        (MAIN, "dev"),
        (TAG, "prod"),
        ({"event_name": "push", "ref": "refs/heads/feature"}, None),
        ({"event_name": "push", "ref": "refs/heads/v1"}, None),
        ({"event_name": "push", "ref": "refs/heads/refs/tags/v1"}, None),
        ({"event_name": "push", "ref": "refs/tags/nightly"}, None),
        ({"event_name": "pull_request", "ref": "refs/pull/1/merge"}, None),
        ({"event_name": "pull_request", "ref": "refs/heads/main"}, None),
        ({"event_name": "pull_request_target", "ref": "refs/heads/main"}, None),
        ({"event_name": "workflow_dispatch", "ref": "refs/heads/main"}, None),
    ],
    ids=lambda case: f"{case['event_name']} {case['ref']}" if isinstance(case, dict) else str(case),
)
def test_main_goes_to_dev_a_version_to_prod_and_nothing_else_anywhere(github: dict[str, str], stage: str) -> None:
    """And it is the stage that the environment, the lock and the command are given."""
    job = JOBS["deploy"]
    (stage_of,) = job["strategy"]["matrix"]["stage"]

    goes = value(job["if"], **github)

    assert goes == (stage is not None)
    assert not goes or value(stage_of, **github) == stage
    assert (job["environment"], job["env"]) == ("${{ matrix.stage }}", {"STAGE": "${{ matrix.stage }}"})
    assert deploy_steps()[-1]["run"] == 'infra/deploy --stage "$STAGE"'


@pytest.mark.parametrize("github", [MAIN, TAG], ids=["main", "a tag"])
def test_a_fork_deploys_nothing(github: dict[str, str]) -> None:
    """A fork has a `main` and tags too."""
    assert not value(JOBS["deploy"]["if"], fork=True, **github)


def test_nothing_is_deployed_that_was_not_checked() -> None:
    """A job that needs another is skipped when that one fails, unless its condition says always()."""
    assert JOBS["deploy"]["needs"] == "checks"
    assert not re.search(r"always|failure|cancelled", TEXT.replace("cancel-in-progress", ""))
    assert "continue-on-error" not in TEXT


def test_only_a_commit_of_main_is_deployed(tmp_path: Path) -> None:
    """A tag can be put on any commit; the step that looks comes before there are any rights."""
    step = deploy_steps()[position("merge-base")]
    repository = history(tmp_path)

    told = {
        ref: subprocess.run(
            ["bash", "-e", "-c", f"git checkout --quiet {ref}; {step['run']}"],
            cwd=repository,
            env={**os.environ, "GITHUB_REF_NAME": ref},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        for ref in ("v1", "v2", "v3")
    }

    assert {ref: done.returncode for ref, done in told.items()} == {"v1": 0, "v2": 0, "v3": 1}
    assert "v3 is no commit of main" in told["v3"].stdout
    assert position("merge-base") < position("configure-aws-credentials")
    assert deploy_steps()[position("actions/checkout")]["with"]["fetch-depth"] == 0


def history(folder: Path) -> Path:
    """A clone in which v1 is an older commit of main, v2 its last (an annotated tag), v3 one of another branch."""
    script = """
        git init --quiet --initial-branch main origin && cd origin
        commit() { git -c user.name=t -c user.email=t@t commit --quiet --allow-empty -m "$1"; }
        commit first && git tag v1 && commit second
        git -c user.name=t -c user.email=t@t tag -a v2 -m v2
        git checkout --quiet -b other && commit third && git tag v3
        cd .. && git clone --quiet origin clone
    """
    subprocess.run(["bash", "-e", "-c", script], cwd=folder, check=True, capture_output=True, timeout=60)
    return folder / "clone"


def test_a_newer_push_ends_older_checks_but_never_a_deployment() -> None:
    """Half a deployment is the worst of all states; so no lock spans the whole run."""
    assert "concurrency" not in DOCUMENT
    checks, deploy = JOBS["checks"]["concurrency"], JOBS["deploy"]["concurrency"]

    assert checks["cancel-in-progress"] is True
    assert "${{ github.ref }}" in checks["group"]
    assert deploy == {"group": "deploy-${{ matrix.stage }}", "cancel-in-progress": False}


def test_every_job_ends_some_time() -> None:
    """GitHub's own limit is six hours."""
    assert all(0 < job["timeout-minutes"] <= 30 for job in JOBS.values())


def test_a_job_may_do_what_it_needs_and_no_more() -> None:
    """The identity for AWS is the deployment's alone."""
    assert DOCUMENT["permissions"] == {}
    assert JOBS["checks"]["permissions"] == {"contents": "read"}
    assert JOBS["deploy"]["permissions"] == {"contents": "read", "id-token": "write"}


def test_there_are_no_keys() -> None:
    """AWS takes GitHub's word (OIDC); the admin token and the exchanges' keys never pass through CI."""
    step = deploy_steps()[position("configure-aws-credentials")]

    assert step["with"] == {"role-to-assume": "${{ vars.AWS_ROLE_ARN }}", "aws-region": "${{ vars.AWS_REGION }}"}
    assert not re.search(r"secrets\.|secrets\[|access-key|ADMIN_TOKEN|API_KEY|API_SECRET|AKIA", TEXT)


def test_no_checkout_leaves_its_token_behind() -> None:
    """What runs after it has no use for it."""
    checkouts = [step for job in JOBS.values() for step in job["steps"] if "actions/checkout" in step.get("uses", "")]

    assert [step["with"]["persist-credentials"] for step in checkouts] == [False, False]


def test_actions_are_named_by_their_commit() -> None:
    """A tag can be moved to other code, which would then deploy with our rights."""
    used = [step["uses"] for job in JOBS.values() for step in job["steps"] if "uses" in step]

    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action) for action in used), used


def test_what_is_checked_and_what_is_deployed_run_on_the_same_python() -> None:
    """Chalice takes the runtime from it, and infra/prepare.sh takes the first one that PYTHON names."""
    setups = [step for job in JOBS.values() for step in job["steps"] if "actions/setup-python" in step.get("uses", "")]

    assert [step["with"]["python-version"] for step in setups] == ["${{ env.PYTHON_VERSION }}"] * 2
    assert DOCUMENT["env"]["PYTHON"] == "python"


def test_lambda_has_the_python_of_the_workflow() -> None:
    """Chalice names the runtime after its own Python, and finds wheels for those that it knows."""
    from chalice.deploy.packager import LambdaDeploymentPackager

    runtime = f"python{DOCUMENT['env']['PYTHON_VERSION']}"

    assert runtime in LambdaDeploymentPackager._RUNTIME_TO_ABI


def test_the_settings_of_the_environment_reach_the_deployment(tmp_path: Path) -> None:
    """Lines of NAME=value, of which there may be none."""
    step = deploy_steps()[position("GITHUB_ENV")]
    assert step["env"] == {"SETTINGS": "${{ vars.SETTINGS }}"}
    target = tmp_path / "env"

    for settings in ("LOG_LEVEL=DEBUG\nUSE_MOCK_EXCHANGE=false", ""):
        subprocess.run(
            ["bash", "-e", "-c", step["run"]],
            env={**os.environ, "SETTINGS": settings, "GITHUB_ENV": str(target)},
            check=True,
            timeout=60,
        )

    assert target.read_text("utf-8").split() == ["LOG_LEVEL=DEBUG", "USE_MOCK_EXCHANGE=false"]
    assert set(deploy_steps()[-1]["env"]) == {"AWS_REGION", "ADMIN_CIDRS", "ALARM_EMAIL"}
