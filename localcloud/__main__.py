"""`python -m localcloud --state DIR`: the local cloud, until SIGTERM."""

import argparse
import sys
from pathlib import Path

from localcloud.errors import LocalCloudError
from localcloud.ports import Ports
from localcloud.server import run

_EPILOG = """
When it is ready it writes DIR/endpoints.json and prints one line: ready.
Exit codes: 0 stopped by a signal, 2 usage, 3 a port is in use, 4 another local cloud has DIR,
5 DIR cannot be used.
"""


def _ports(text: str) -> Ports:
    try:
        return Ports.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m localcloud",
        description="Azure and AWS on loopback: DPS, IoT Hub, ARM, Entra; AWS IoT and what stands around it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--state", type=Path, required=True, metavar="DIR", help="where its state is kept")
    parser.add_argument(
        "--ports",
        type=_ports,
        default=Ports(),
        metavar="PROXY,MQTT,HTTPS",
        help="ports on 127.0.0.1; 0 lets the system choose (default 18443,18883,18444)",
    )
    parser.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="info",
        help="what goes to DIR/cloud.log, as JSON lines (default info)",
    )
    return parser


def main() -> int:
    """Run it; the result is the exit code."""
    arguments = _parser().parse_args()
    try:
        run(arguments.state, arguments.ports, arguments.log_level, lambda word: print(word, flush=True))  # noqa: T201 - the line that starters wait for
    except LocalCloudError as error:
        print(f"local cloud: {error}", file=sys.stderr)  # noqa: T201 - a message for the person
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
