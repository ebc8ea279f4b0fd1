"""TPM structures as bytes: big-endian numbers, and buffers with two bytes of length before them (TPM2B)."""

from dataclasses import dataclass


class TpmKeyError(ValueError):
    """What was given is no key of a TPM that can be used here; the text says why."""


def sized(data: bytes) -> bytes:
    """A TPM2B."""
    return len(data).to_bytes(2, "big") + data


@dataclass
class Reader:
    """Takes structures off the front of `data`. Raises TpmKeyError when it ends too soon."""

    data: bytes
    position: int = 0

    def number(self, size: int) -> int:
        """An unsigned number of `size` bytes."""
        return int.from_bytes(self.take(size), "big")

    def buffer(self) -> bytes:
        """The content of a TPM2B."""
        return self.take(self.number(2))

    def take(self, size: int) -> bytes:
        """So many bytes."""
        end = self.position + size
        if end > len(self.data):
            raise TpmKeyError(f"it ends after {len(self.data)} bytes, where {end} are needed")
        taken = self.data[self.position : end]
        self.position = end
        return taken

    def finish(self) -> None:
        """Nothing may be left."""
        left = len(self.data) - self.position
        if left:
            raise TpmKeyError(f"{left} bytes too many follow it")
