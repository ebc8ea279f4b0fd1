"""All of AWS IoT's registries over one memory.

Each is a class of `iot/`, `broker/` or beside them. Whoever adds one adds a line to `World`, and its
operations to `operations`.
"""

from localcloud.aws.account import Account
from localcloud.aws.api import Operation
from localcloud.aws.emulator import Emulator
from localcloud.aws.place import Place


class World:
    """The registries by noun."""

    def __init__(self, place: Place, account: Account, emulator: Emulator) -> None:
        self.place = place
        self.account = account
        self.emulator = emulator

    def operations(self) -> dict[str, Operation]:
        """The control plane: service `iot` of botocore."""
        return {}
