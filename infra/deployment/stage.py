"""One stage as a deployment sees it: its settings, its stack, its names."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.deployment.aws import Aws
from infra.deployment.policies import Names
from infra.deployment.project import Network
from infra.deployment.settings import StageSettings
from infra.deployment.stack import Change, Stack

EGRESS_TEMPLATE = Path(__file__).parent.parent / "egress.yaml"


@dataclass(frozen=True)
class Stage:
    """`aws` is where it lives."""

    settings: StageSettings
    aws: Aws

    @property
    def stack(self) -> Stack:
        """Tables, secrets, dead letters, alarms, dashboard."""
        return Stack(self.aws.client("cloudformation"), self.settings.name, pause=self._pause)

    @property
    def egress(self) -> Stack:
        """The network with one address, where the settings want it."""
        name = f"{self.settings.name}-egress"
        return Stack(self.aws.client("cloudformation"), name, EGRESS_TEMPLATE, pause=self._pause)

    @property
    def _pause(self) -> float:
        return 0.2 if self.aws.stands_in else 5.0

    def apply_stack(self, *, serving: bool = True) -> list[Change]:
        """Make the stack what the template and the settings say.

        Protection comes last: a first creation that fails has to be able to take away what it began with.
        """
        is_new = self.stack.describe() is None
        changes = self.stack.apply(self._parameters(serving=serving, keep_data=self.settings.protected and not is_new))
        if self.settings.protected:
            if is_new:
                changes += self.stack.apply(self._parameters(serving=serving, keep_data=True))
            self.stack.protect()
        return changes

    def _parameters(self, *, serving: bool, keep_data: bool) -> dict[str, str]:
        return {
            "TablePrefix": self.settings.table_prefix,
            "Stage": self.settings.stage,
            "AlarmEmail": self.settings.alarm_email,
            "KeepData": str(keep_data).lower(),
            "Serving": str(serving).lower(),
        }

    def apply_egress(self) -> tuple[Network, list[Change]]:
        """The network for the functions; none unless the settings want it."""
        if self.settings.static_egress == "false":
            return Network(), []
        parameters = {
            **self.egress.parameters(),  # an address that was taken up once stays: it stands in an exchange's list
            "Stage": self.settings.stage,
            "TwoZones": str(self.settings.static_egress == "two-zones").lower(),
            **dict(zip(("AddressA", "AddressB"), self.settings.egress_addresses, strict=False)),
        }
        changes = self.egress.apply(parameters)
        outputs = self.egress.outputs()
        subnets = tuple(sorted(outputs["SubnetIds"].split(",")))
        addresses = tuple(outputs[name] for name in ("NewAddressA", "NewAddressB") if name in outputs)
        return Network(subnets=subnets, security_groups=(outputs["SecurityGroupId"],), addresses=addresses), changes

    def unconfirmed(self) -> list[str]:
        """Who was subscribed to the alarms and has not said yes."""
        topic = self.stack.outputs().get("AlarmTopicArn")
        if topic is None:
            return []
        found = self.aws.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        return [entry["Endpoint"] for entry in found if not entry["SubscriptionArn"].startswith("arn:")]

    def names(self, outputs: Mapping[str, str]) -> Names:
        """`outputs` of the stack; without them, of a stack that is gone, the names that a deletion needs."""
        return Names(
            partition=self.aws.partition,
            region=self.aws.region,
            account=self.aws.account,
            table_prefix=self.settings.table_prefix,
            function_prefix=self.settings.name,
            orders_stream=outputs.get("OrdersStreamArn", ""),
            admin_token=outputs.get("AdminTokenArn", ""),
            dead_letters=outputs.get("DeadLettersArn", ""),
        )

    def function_environment(self, names: Names) -> dict[str, str]:
        """What every function gets."""
        return {
            **self.settings.deployment,
            **self.settings.functions,
            "ORDERS_STREAM_ARN": names.orders_stream,
            "SWEEP_FUNCTION_NAME": names.function("sweep"),
            "ADMIN_TOKEN_SECRET": names.admin_token,
        }
