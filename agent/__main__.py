"""`python -m agent`: one device, one process. Arguments: `agent.options`; output: `agent.log`."""

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from datetime import datetime
from types import FrameType

from agent.errors import OptionError
from agent.events import Stop
from agent.log import JsonLog, capture_sdk
from agent.machine import Machine
from agent.options import Options, parse
from agent.ports import Cloud
from agent.runner import Runner, wall_clock

EXIT_USAGE = 2


def main(arguments: list[str], began: float, now: Callable[[], datetime] = wall_clock) -> int:
    """Run a device until it stops; its exit code. `began`: when the process started (monotonic seconds);
    `now`: the wall clock, which only certificates are held against.
    """
    try:
        return run(parse(arguments), began, now)
    except OptionError as error:
        print(*error.faults, sep="\n", file=sys.stderr)  # noqa: T201 (a mistake of usage is told on stderr)
        return EXIT_USAGE


def run(options: Options, began: float, now: Callable[[], datetime]) -> int:
    """Run the device that `options` describe; its exit code. Raises OptionError."""
    log = JsonLog(sys.stdout, options.registration_id, options.log_level)
    capture_sdk(log)
    machine = Machine(
        options.attempts,
        random.SystemRandom().random,
        options.renew_before,
        registered=bool(options.hub),
        enrols_once=options.aws is not None,
        gateway=options.gateway is not None,
    )
    runner = Runner(machine, cloud_of(options, now), log, now)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        runner.post(Stop())

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return runner.run(began)


def cloud_of(options: Options, now: Callable[[], datetime]) -> Cloud:
    """The cloud that the options name. Its SDK takes most of the start-up, so only that one is loaded, once
    the options are right. Raises OptionError.
    """
    if options.aws is not None:
        from agent.aws.cloud import AwsCloud

        return AwsCloud(options, options.aws, now)
    from agent.cloud import AzureCloud

    return AzureCloud(options, now)


if __name__ == "__main__":
    code = main(sys.argv[1:], time.monotonic())
    sys.stdout.flush()
    os._exit(
        code
    )  # the SDK's timers are no daemon threads: a plain exit would wait for them, up to half a minute
