"""README and docs/ tell the same as the code: links, paths, make targets and commands named there exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cli.main import main

PROJECT = Path(__file__).parents[2]
PAGES = sorted([PROJECT / "README.md", PROJECT / "CHANGELOG.md", *(PROJECT / "docs").rglob("*.md")])
_BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
_LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")
_CODE_PATH = re.compile(
    r"`((?:agent|bench|certs|cli|components|docs|engine|fleet|localcloud|provider|stacks|tests)/[\w./-]*)`"
)


def _name(page: Path) -> str:
    return str(page.relative_to(PROJECT))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_and_paths_lead_somewhere(page: Path) -> None:
    text = page.read_text()
    links = [page.parent / target for target in _LINK.findall(text)]
    paths = [PROJECT / path for path in _CODE_PATH.findall(text)]
    assert [str(each) for each in (*links, *paths) if not each.exists()] == []


def _commands() -> Iterator[tuple[str, list[str]]]:
    for page in PAGES:
        for block in _BLOCK.findall(page.read_text()):
            for line in block.replace("\\\n", " ").splitlines():
                if words := shlex.split(line, comments=True):
                    yield _name(page), words


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    named = {words[1] for _, words in _commands() if words[0] == "make" and len(words) > 1}
    assert {"up", "test"} <= named
    assert named <= targets


def test_every_muster_command_that_is_named_exists() -> None:
    named = [(page, words[1:]) for page, words in _commands() if words[0] == "muster"]
    assert named
    assert [(page, words) for page, words in named if not _parses(words)] == []


def _parses(words: list[str]) -> bool:
    """Whether the words name a subcommand, and its options are ones that it has."""
    command: click.Command = main
    context = click.Context(main)
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(context, rest.pop(0))
        if found is None:
            return False
        command = found
    own = rest[: rest.index("--")] if "--" in rest else rest  # what follows is another command's
    known = {option for each in command.get_params(context) for option in each.opts} | {"--help"}
    return all(word.partition("=")[0] in known for word in own if word.startswith("-"))


def test_the_first_screen_of_the_readme_says_what_it_is_and_two_commands() -> None:
    screen = (PROJECT / "README.md").read_text().splitlines()[:16]
    commands = [line for line in screen if line.startswith("make ")]
    assert [line.split("#")[0].strip() for line in commands] == ["make up", "make test"]
