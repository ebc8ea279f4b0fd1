"""What can go wrong for a device.

AgentError
├── OptionError            the command line, the environment or a file it names is wrong: exit code 2
└── CloudError             the cloud did not do what was asked
    ├── RefusedError       it said no to this identity; trying again soon will not help
    └── UnavailableError   it could not be reached, or failed on its side; trying again may help
"""


class AgentError(Exception):
    """Base of every error the agent raises itself."""


class OptionError(AgentError):
    """The device cannot start; `faults` lists everything that is wrong, one sentence each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class CloudError(AgentError):
    """DPS or a hub did not do what was asked; the message is the reason, for the log."""


class RefusedError(CloudError):
    """The cloud knows who is asking and says no: unknown, disabled, wrong certificate."""


class UnavailableError(CloudError):
    """The cloud could not be reached, dropped the connection or failed on its side."""
