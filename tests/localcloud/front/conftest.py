"""A started local cloud with a hub and enrolled devices."""

from tests.localcloud.device.conftest import cloud, make_world, pki

__all__ = ["cloud", "make_world", "pki"]
