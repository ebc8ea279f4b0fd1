"""What later versions bring: refused now, but not as if it were a slip of the pen."""

from __future__ import annotations

from collections.abc import Mapping

from fleet.description.identity import DeviceProfile
from fleet.description.provisioning import Group
from fleet.description.whole import Fleet

LATER_KEYS: Mapping[type, frozenset[str]] = {
    Fleet: frozenset({"aws", "rules", "releases", "access", "policies"}),
    DeviceProfile: frozenset({"key"}),
    Group: frozenset({"permissions"}),
}
"""Keys, by the class that will have them."""

LATER_CHOICES: frozenset[str] = frozenset({"aws"})
"""The same for values."""
