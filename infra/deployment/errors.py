"""What a deployment stops with: one line that says what is wrong and what to do about it."""


class DeploymentError(Exception):
    """The text is for the person, or the log of the CI run, that started it."""
