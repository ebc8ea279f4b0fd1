"""Stack files, `stacks/Pulumi.<stack>.yaml`: where the fleet stands in one, its location and region."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from fleet.document import MOST_BYTES, Document, Mark, parse
from fleet.errors import Fault, Finding, FleetError, Path, one_of, shown, written

FLEET_KEY = "muster:fleet"
LOCATION_KEY = "azure-native:location"
REGION_KEY = "aws:region"
FLEET: Path = ("config", FLEET_KEY)
LOCATION: Path = ("config", LOCATION_KEY)
REGION: Path = ("config", REGION_KEY)
_NAME = re.compile(r"Pulumi\.(?P<stack>[A-Za-z0-9_.-]{1,100})\.ya?ml")


@dataclass(frozen=True, slots=True)
class StackFile:
    """A stack file that could be read as YAML."""

    document: Document

    @property
    def location(self) -> str | None:
        """The stack's `azure-native:location`; None when it has none."""
        return self._text(LOCATION)

    @property
    def region(self) -> str | None:
        """The stack's `aws:region`; None when it has none."""
        return self._text(REGION)

    def _text(self, path: Path) -> str | None:
        value = _at(self.document, path)
        return value if isinstance(value, str) else None

    @property
    def odd(self) -> list[tuple[Finding, Mark]]:
        """What is wrong with the fleet as YAML; the rest of the file is for others to judge."""
        return [(finding, mark) for finding, mark in self.document.faults if _concerns_fleet(finding.path)]

    def holds(self, value: object) -> bool:
        """Whether the fleet in the file is this very value."""
        return bool(_at(self.document, FLEET) == value)

    def fleet(self) -> object:
        """The value below `config: muster:fleet:`. Raises FleetError when there is none."""
        root = self.document.value
        if not isinstance(root, dict):
            raise self._error((), f"{shown(root)} stands here", "a stack file is a mapping with config")
        config = root.get("config")
        if config is None:
            raise self._error(("config",), "missing", f"add config with {FLEET_KEY} in it")
        if not isinstance(config, dict):
            raise self._error(
                ("config",), f"{shown(config)} stands here", f"should be a mapping with {FLEET_KEY}"
            )
        if FLEET_KEY not in config:
            near = one_of(config, FLEET_KEY, "key") if config else f"add {FLEET_KEY}"
            raise self._error(FLEET, "missing", near)
        return config[FLEET_KEY]

    def _error(self, path: Path, wrong: str, right: str) -> FleetError:
        return FleetError([fault(Finding(path, wrong, right), self.document.place(path), self.document.file)])


def read_stack(path: FilePath) -> StackFile:
    """The stack file at a path. Raises FleetError where it cannot be read as YAML."""
    try:
        # One byte more than allowed is enough to know, however long the file (or device) is.
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        # ValueError: the name itself is impossible (a NUL in it).
        reason = getattr(error, "strerror", None) or str(error)
        right = "name a stack file that exists and can be read"
        raise FleetError([Fault(str(path), None, None, "", f"cannot be read: {reason}", right)]) from None
    return StackFile(parse(data, str(path)))


def stack_name(file: str) -> str:
    """The stack that a file is for, by its name. Raises FleetError when Pulumi would not read such a file."""
    match = _NAME.fullmatch(FilePath(file).name)
    if match is None:
        right = "a stack file is called Pulumi.<stack>.yaml"
        raise FleetError([Fault(file, None, None, "", f"{shown(FilePath(file).name)} names no stack", right)])
    return match["stack"]


def fault(finding: Finding, place: Mark | None, file: str) -> Fault:
    """The finding at its place. Paths inside the fleet are told from there, others from the file's root."""
    line, column = (place.line, place.column) if place else (None, None)
    inside = finding.path[: len(FLEET)] == FLEET
    path = finding.path[len(FLEET) :] if inside and len(finding.path) > len(FLEET) else finding.path
    return Fault(file, line, column, written(path), finding.wrong, finding.right)


def _concerns_fleet(path: Path) -> bool:
    return all(given == own for given, own in zip(path, FLEET, strict=False))


def _at(document: Document, path: Path) -> Any:  # noqa: ANN401  whatever stands there
    value = document.value
    for step in path:
        if not isinstance(value, dict) or step not in value:
            return None
        value = value[step]
    return value
