"""Reading the control surface's bodies: each fault says which field and what would be right, all at once."""

import math
from collections.abc import Mapping
from typing import Any


class BadControlError(ValueError):
    """The body is not what the route takes; one sentence for each fault."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__(" ".join(faults))
        self.faults = faults


class Fields:
    """One JSON object, read field by field; `done` raises all that was wrong."""

    def __init__(self, body: Mapping[str, Any], where: str = "") -> None:
        self._body = dict(body)
        self._where = where
        self.faults: list[str] = []

    def number(self, name: str, default: float | None = None) -> float:
        """A finite number of 0 or more."""
        value = self._body.pop(name, default)
        if isinstance(value, int | float) and type(value) is not bool and math.isfinite(value) and value >= 0:
            return value
        self._wrong(name, "a number of 0 or more")
        return 0

    def integer(self, name: str, least: int, most: int, default: int | None = None) -> int:
        """A whole number."""
        value = self._body.pop(name, default)
        if isinstance(value, int) and type(value) is not bool and least <= value <= most:
            return value
        self._wrong(name, f"a whole number from {least} to {most}")
        return least

    def optional_integer(self, name: str, least: int, most: int) -> int | None:
        """A whole number, or null."""
        if self._body.get(name) is None:
            self._body.pop(name, None)
            return None
        return self.integer(name, least, most)

    def text(self, name: str, default: str) -> str:
        """A text that is not empty."""
        value = self._body.pop(name, default)
        if isinstance(value, str) and value:
            return value
        self._wrong(name, "a text")
        return default

    def choice(self, name: str, choices: tuple[str, ...], default: str | None = None) -> str:
        """One of the choices."""
        value = self._body.pop(name, default)
        if isinstance(value, str) and value in choices:
            return value
        self._wrong(name, f"one of {', '.join(choices)}")
        return choices[0]

    def truth(self, name: str) -> bool:
        """True or false."""
        value = self._body.pop(name, None)
        if not isinstance(value, bool):
            self._wrong(name, "true or false")
        return value is True

    def objects(self, name: str) -> list[dict[str, Any]]:
        """A list of objects."""
        value = self._body.pop(name, None)
        if isinstance(value, list) and all(isinstance(it, dict) for it in value):
            return value
        self._wrong(name, "a list of objects")
        return []

    def done(self) -> None:
        """Raises BadControlError."""
        self.faults += [f"{self._where}{name} is not known here." for name in self._body]
        if self.faults:
            raise BadControlError(self.faults)

    def _wrong(self, name: str, right: str) -> None:
        self.faults.append(f"{self._where}{name} must be {right}.")
