"""Where the files of the local stack lie, below the project's root."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from cli.local.errors import BusyError, NoProjectError

STACK = "local"
#: Says that a folder is a local state of ours: `down` removes no other.
MARKER = "muster-local-state"


@dataclass(frozen=True)
class Layout:
    """The paths of one project's local stack."""

    project: Path

    @property
    def tools(self) -> Path:
        """The engine, its plug-ins and the shell environment; `muster setup` makes it."""
        return self.project / ".tools"

    @property
    def state(self) -> Path:
        """Everything that `muster down` removes."""
        return self.project / ".muster" / STACK

    @property
    def stack_file(self) -> Path:
        """The fleet's description for this stack."""
        return self.project / "stacks" / f"Pulumi.{STACK}.yaml"

    @property
    def backend(self) -> Path:
        """Pulumi's own state: the file backend."""
        return self.state / "backend"

    @property
    def pulumi_passphrase(self) -> Path:
        """Encrypts the secrets in Pulumi's state."""
        return self.state / "pulumi-passphrase"

    @property
    def key_passphrase(self) -> Path:
        """Encrypts the CA keys."""
        return self.state / "key-passphrase"

    @property
    def pki(self) -> Path:
        """The public certificates of the CA chain."""
        return self.state / "pki"

    @property
    def keys(self) -> Path:
        """The key store: encrypted CA keys."""
        return self.pki / "keys"

    @property
    def cloud(self) -> Path:
        """The local cloud's own state."""
        return self.state / "cloud"

    @property
    def devices(self) -> Path:
        """One folder a device."""
        return self.state / "devices"

    @property
    def summary(self) -> Path:
        """What the last `up` came to, for programs."""
        return self.state / "summary.json"

    @property
    def deployment_log(self) -> Path:
        """What the engine printed at the last `up`."""
        return self.state / "pulumi-up.log"

    def create(self) -> None:
        """Make the folders, closed to other users, and mark the state as ours."""
        for folder in (self.state, self.backend, self.cloud, self.devices):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.state / MARKER).touch()


def find(start: Path | None = None) -> Layout:
    """Find the project that the folder is in: the nearest Pulumi.yaml, upward. Raises NoProjectError."""
    folder = (start or Path.cwd()).resolve()
    for candidate in (folder, *folder.parents):
        if (candidate / "Pulumi.yaml").exists():
            return Layout(candidate)
    raise NoProjectError(
        f"There is no Pulumi.yaml in {folder} or above it; run this inside a Muster project."
    )


@contextmanager
def exclusive(layout: Layout, doing: str) -> Iterator[None]:
    """Let one muster command change the local stack at a time. Raises BusyError at once, rather than wait."""
    path = layout.project / ".muster" / "lock"
    path.parent.mkdir(exist_ok=True)
    with path.open("a+") as file:
        try:
            flock(file, LOCK_EX | LOCK_NB)
        except BlockingIOError as held:
            file.seek(0)
            raise BusyError(
                f"{file.read() or 'Another muster'} works on this local stack; wait for it."
            ) from held
        file.truncate(0)
        file.write(doing)
        file.flush()
        yield
