"""`python -m agent`: one device, one process. Arguments: `agent.options`; output: `agent.log`."""

import os
import random
import signal
import sys
import time
from types import FrameType

from agent.errors import OptionError
from agent.events import Stop
from agent.log import JsonLog, capture_sdk
from agent.machine import Machine
from agent.options import Options, parse
from agent.runner import Runner

EXIT_USAGE = 2


def main(arguments: list[str], began: float) -> int:
    """Run a device until it stops; its exit code. `began`: when the process started (monotonic seconds)."""
    try:
        options = parse(arguments)
    except OptionError as error:
        print(*error.faults, sep="\n", file=sys.stderr)  # noqa: T201 (a mistake of usage is told on stderr)
        return EXIT_USAGE
    return run(options, began)


def run(options: Options, began: float) -> int:
    """Run the device that `options` describe; its exit code."""
    from agent.azure import (
        AzureCloud,
    )  # the SDK takes most of the start-up: load it once the options are right

    log = JsonLog(sys.stdout, options.registration_id, options.log_level)
    capture_sdk(log)
    machine = Machine(options.attempts, random.SystemRandom().random)
    runner = Runner(machine, AzureCloud(options), log)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        runner.post(Stop())

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return runner.run(began)


if __name__ == "__main__":
    code = main(sys.argv[1:], time.monotonic())
    sys.stdout.flush()
    os._exit(
        code
    )  # the SDK's timers are no daemon threads: a plain exit would wait for them, up to half a minute
