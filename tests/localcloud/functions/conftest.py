"""A local cloud with a hub and enrolled devices, for functions that DPS asks."""

from tests.localcloud.device.conftest import cloud, make_world, pki

__all__ = ["cloud", "make_world", "pki"]
