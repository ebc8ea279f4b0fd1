"""A service that changes twins all the time, by the provider's own client, whose retries meet the faults."""

import itertools
import random
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from bench.soak.following import NUMBER
from provider.clients import Azure
from provider.clients.errors import ClientError
from provider.clients.hub_service import twin_path

_HANDS = 4


class Operator:
    """Writes ever new numbers into twins. `written` has, by device, the number of each answered version."""

    def __init__(self, azure: Azure, devices: Mapping[str, str], a_second: float) -> None:
        """`devices` maps ids to the hubs they are in."""
        self.written: dict[str, dict[int, int]] = defaultdict(dict)
        self.tried: dict[str, set[int]] = defaultdict(set)
        """Numbers that were sent, whether an answer came or not."""
        self.unanswered: list[str] = []
        """Changes that the client gave up, and why: they may be done or not."""
        self._azure = azure
        self._devices = devices
        self._pause = _HANDS / a_second
        self._numbers = itertools.count(1)

    def run(self, stop: threading.Event) -> None:
        """Change twins until told to stop; a device is one hand's alone, so its numbers go up."""
        names = sorted(self._devices)
        with ThreadPoolExecutor(_HANDS) as pool:
            hands = [pool.submit(self._work, names[hand::_HANDS], hand, stop) for hand in range(_HANDS)]
        for hand in hands:
            hand.result()

    def _work(self, names: Sequence[str], seed: int, stop: threading.Event) -> None:
        dice = random.Random(seed)  # noqa: S311 - nothing secret hangs on it
        while names and not stop.wait(self._pause):
            self._change(dice.choice(names))

    def _change(self, name: str) -> None:
        number = next(self._numbers)
        self.tried[name].add(number)
        body = {"properties": {"desired": {NUMBER: number}}}
        try:
            twin = self._azure.hub(self._devices[name]).patch(twin_path(name), body)
        except ClientError as error:
            self.unanswered.append(str(error))
            return
        self.written[name][int(twin["properties"]["desired"]["$version"])] = number
