"""What later versions bring: refused now, but not as if it were a slip of the pen."""

from __future__ import annotations

from collections.abc import Mapping

from fleet.description.identity import DeviceProfile
from fleet.description.whole import Fleet

LATER_KEYS: Mapping[type, frozenset[str]] = {
    Fleet: frozenset({"rules", "releases", "access", "policies"}),
    DeviceProfile: frozenset({"key"}),
}
"""Keys, by the class that will have them."""
