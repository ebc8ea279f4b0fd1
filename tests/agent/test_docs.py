"""docs/agent.md tells the truth: its commands are taken, its options and events are all there are."""

import re
import shlex
from pathlib import Path

import pytest

from agent.gateway.children import REFRESH_SECONDS
from agent.option_checks import combinations, names
from agent.options import parser

PROJECT = Path(__file__).parents[2]
PAGE = (PROJECT / "docs" / "agent.md").read_text()
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
_EVENT = re.compile(r'(?:_record|Record|\.write|_tell)\(\s*"([a-z-]+)"')


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_are_ones_that_the_agent_takes(command: str) -> None:
    python, option, module, *arguments = shlex.split(command)
    assert (python, option, module) == ("python", "-m", "agent")
    given = parser().parse_args(arguments)
    assert [*names(given), *combinations(given)] == []


def test_what_decides_how_a_device_is_run_is_told() -> None:
    flags = {flag for action in parser()._actions for flag in action.option_strings if flag.startswith("--")}
    minor = {"--help", "--provisioning-host", "--log-level"}
    assert [flag for flag in sorted(flags - minor) if flag not in PAGE] == []


def test_the_events_are_all_there_are() -> None:
    sources = [file.read_text() for file in (PROJECT / "agent").rglob("*.py")]
    logged = {event for source in sources for event in _EVENT.findall(source)}
    table = PAGE.partition("| event |")[2].partition("\n\n")[0]
    told = {event for row in table.splitlines()[2:] for event in re.findall(r"`([^`]+)`", row.split("|")[1])}
    assert told == logged


def test_its_number_is_that_of_the_code() -> None:
    assert f"at most every {REFRESH_SECONDS:g} s" in PAGE
