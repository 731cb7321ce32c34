"""Every CloudFormation template is one that AWS takes, as far as that can be said without asking AWS."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

INFRA = Path(__file__).parents[2] / "infra"
REGIONS = ("us-east-1", "ap-northeast-2")


def templates() -> list[Path]:
    """The files of infra/ that say they are one."""
    return [path for path in sorted(INFRA.rglob("*.yaml")) if "AWSTemplateFormatVersion" in path.read_text("utf-8")]


def lint(template: Path) -> tuple[int, str]:
    """Exit status and findings of cfn-lint: its errors and warnings."""
    cfn_lint = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run(
        [cfn_lint, "--regions", *REGIONS, "--template", str(template)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


def egress() -> dict[str, Any]:
    """The resources of the optional network."""
    document: dict[str, Any] = yaml.safe_load((INFRA / "egress.yaml").read_text("utf-8"))
    return document["Resources"]


def of_type(kind: str) -> list[dict[str, Any]]:
    """Those resources of the network that are of one kind."""
    return [resource for resource in egress().values() if resource["Type"] == f"AWS::EC2::{kind}"]


def test_the_templates_are_found() -> None:
    """What is not found would not be checked."""
    assert {"stack.yaml", "egress.yaml", "ci_role.yaml"} <= {path.name for path in templates()}


@pytest.mark.parametrize("template", templates(), ids=lambda path: path.name)
def test_a_template_has_no_finding(template: Path) -> None:
    """Neither an error nor a warning, in the regions that the backend is meant for."""
    assert lint(template) == (0, "")


@pytest.mark.parametrize(
    ("right", "wrong", "finding"),
    [
        ("EnableDnsSupport: true", "EnableDnsSupport: perhaps", "E3012"),
        ("{Ref: InternetGateway}", "{Ref: Gateway}", "E1020"),
        ("UpdateReplacePolicy: Retain", "", "W3011"),
    ],
    ids=["a wrong value", "a reference to nothing", "an address that an update throws away"],
)
def test_a_broken_template_is_noticed(tmp_path: Path, right: str, wrong: str, finding: str) -> None:
    """The check itself is checked, warnings included."""
    text = (INFRA / "egress.yaml").read_text("utf-8")
    assert right in text
    broken = tmp_path / "egress.yaml"
    broken.write_text(text.replace(right, wrong), "utf-8")

    status, found = lint(broken)

    assert status != 0
    assert finding in found


def test_nothing_reaches_the_functions_from_outside_and_only_https_leaves() -> None:
    """The security group of the static egress."""
    (group,) = of_type("SecurityGroup")

    rules = group["Properties"]

    assert "SecurityGroupIngress" not in rules
    assert [(rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) for rule in rules["SecurityGroupEgress"]] == [
        ("tcp", 443, 443)
    ]


def test_an_address_outlives_its_stack() -> None:
    """It stands in the exchange's list, where another one would be refused."""
    addresses = of_type("EIP")

    assert len(addresses) == 2
    assert {(address["DeletionPolicy"], address["UpdateReplacePolicy"]) for address in addresses} == {
        ("Retain", "Retain")
    }


def test_the_network_is_named_after_its_stack() -> None:
    """By that name the deployer's role tells it from other networks; what bears none it could not delete."""
    parts_of_others = ("Route", "SubnetRouteTableAssociation", "VPCGatewayAttachment")
    named = [resource for resource in egress().values() if resource["Type"].rpartition("::")[2] not in parts_of_others]

    names = [tag["Value"] for resource in named for tag in resource["Properties"]["Tags"] if tag["Key"] == "Name"]

    assert len(names) == len(named)
    assert all("AWS::StackName" in (name.get("Ref") or name["Fn::Sub"]) for name in names)
