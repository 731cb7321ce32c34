"""The names of a stage that is deployed nowhere."""

from infra.deployment.policies import Names

NAMES = Names(
    partition="aws",
    region="eu-west-1",
    account="123456789012",
    table_prefix="trading-bot-dev",
    function_prefix="trading-bot-dev",
    orders_stream="arn:aws:dynamodb:eu-west-1:123456789012:table/trading-bot-dev-orders/stream/2026-11-21T03:20:15.123",
    admin_token="arn:aws:secretsmanager:eu-west-1:123456789012:secret:trading-bot-dev/admin-token-Ab12Cd",
    dead_letters="arn:aws:sqs:eu-west-1:123456789012:trading-bot-dev-dead-letters",
)
