"""The one error that the sandbox raises for bad settings or bad data."""


class SandboxError(Exception):
    """A setting, a file or a request to the world that cannot work; the text says which and why."""
