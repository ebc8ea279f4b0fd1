"""A store in memory, closed after the test."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from localcloud.store import Store


@pytest.fixture
def store() -> Iterator[Store]:
    with closing(Store(":memory:")) as opened:
        yield opened
