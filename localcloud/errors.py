"""What keeps the local cloud from starting.

LocalCloudError        base; `exit_code` is the process' exit code, the text is for the person
├── PortInUseError     another process has a port (3)
├── StateInUseError    another local cloud runs on the same state (4)
└── StateError         the state directory cannot be used (5)
"""


class LocalCloudError(Exception):
    """The local cloud cannot start."""

    exit_code = 1


class PortInUseError(LocalCloudError):
    """Another process listens there."""

    exit_code = 3


class StateInUseError(LocalCloudError):
    """Another local cloud runs on the same state directory."""

    exit_code = 4


class StateError(LocalCloudError):
    """The state directory, or a file of it, cannot be used."""

    exit_code = 5
