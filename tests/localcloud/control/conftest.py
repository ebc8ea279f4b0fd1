"""A started local cloud with a hub and enrolled devices, and the client of its control surface."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.localcloud.control.client import Control
from tests.localcloud.device.conftest import cloud, make_world, pki

__all__ = ["cloud", "make_world", "pki"]


@pytest.fixture
def control(cloud: Any) -> Iterator[Control]:
    cloud.start()
    with Control(cloud.state) as opened:
        yield opened
