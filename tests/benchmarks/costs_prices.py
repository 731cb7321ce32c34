"""What AWS charges, in USD, without its free tier; looked up on 2026-11-21.

us-east-1:
- Lambda: https://aws.amazon.com/lambda/pricing/ (figures as in https://cloudchipr.com/blog/aws-lambda-pricing)
- DynamoDB: https://aws.amazon.com/dynamodb/pricing/on-demand/ (figures as in
  https://airbyte.com/data-engineering-resources/dynamodb-pricing; storage and recovery are the well-known list prices)
- API Gateway: https://docs.aws.amazon.com/whitepapers/latest/best-practices-api-gateway-private-apis-integration/
  cost-optimization.html
- CloudWatch: https://aws.amazon.com/cloudwatch/pricing/ (figures as in https://cloudburn.io/blog/amazon-cloudwatch-pricing
  and https://signoz.io/guides/cloudwatch-pricing; storage of logs is the well-known list price)
- NAT gateway, address, data out: https://aws.amazon.com/vpc/pricing/ (figures as in
  https://cloudburn.io/blog/aws-nat-gateway-pricing and https://cloudpipelines.pages.dev/guides/aws-nat-gateway-pricing-2026/)
- Secrets Manager: https://aws.amazon.com/secrets-manager/pricing/ (the well-known list prices)

ap-northeast-1: https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/<service>/current/ap-northeast-1/index.json, as
copied by public repositories between July and September 2026. `not_found` names what no copy had: there, the price is
that of us-east-1.
"""

from dataclasses import dataclass, replace

LOOKED_UP = "2026-11-21"


@dataclass(frozen=True, kw_only=True)
class Prices:
    """Of one region."""

    region: str
    lambda_gb_second: float
    lambda_request: float
    write_unit: float
    read_unit: float
    table_gb: float
    """A month, as all prices of what lasts."""
    recovery_gb: float
    api_call: float
    out_gb: float
    log_gb: float
    log_stored_gb: float
    metric: float
    alarm_metric: float
    dashboard: float
    secret: float
    secret_call: float
    nat_hour: float
    nat_gb: float
    address_hour: float
    not_found: tuple[str, ...] = ()


US_EAST_1 = Prices(
    region="us-east-1",
    lambda_gb_second=0.0000166667,
    lambda_request=0.20e-6,
    write_unit=0.625e-6,
    read_unit=0.125e-6,
    table_gb=0.25,
    recovery_gb=0.20,
    api_call=3.50e-6,
    out_gb=0.09,
    log_gb=0.50,
    log_stored_gb=0.03,
    metric=0.30,
    alarm_metric=0.10,
    dashboard=3.00,
    secret=0.40,
    secret_call=0.05 / 10_000,
    nat_hour=0.045,
    nat_gb=0.045,
    address_hour=0.005,
)

AP_NORTHEAST_1 = replace(
    US_EAST_1,
    region="ap-northeast-1",
    write_unit=0.715e-6,
    read_unit=0.1425e-6,
    table_gb=0.285,
    out_gb=0.114,
    log_gb=0.76,
    log_stored_gb=0.033,
    nat_hour=0.062,
    nat_gb=0.062,
    not_found=("API Gateway calls", "point-in-time recovery", "the dashboard", "calls of Secrets Manager"),
)
