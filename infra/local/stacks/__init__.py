"""CloudFormation on this machine, in place of moto's.

moto's own makes no secrets, alarms, subscriptions and topic policies while it reports success, forgets properties of
tables, does not change one, ignores termination protection, and sees neither conditions nor parameters in a change set.
"""

CALLER = "CLOUDFORMATION"
"""The access key id that its calls to the other services carry."""
