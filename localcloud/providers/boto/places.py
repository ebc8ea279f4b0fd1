"""Where one is: account, region, partition; and what is said of them when AWS may not be asked.

With `MUSTER_OFFLINE` set the account is the one that `allowedAccountIds` names, else AWS documentation's own
example, 111122223333: a preview without an account has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.providers.boto.session import Session

OFFLINE_ACCOUNT = "111122223333"
_PARTITIONS = {
    "cn-": ("aws-cn", "amazonaws.com.cn", "cn.com.amazonaws"),
    "us-gov-": ("aws-us-gov", "amazonaws.com", "com.amazonaws"),
}
_USUAL = ("aws", "amazonaws.com", "com.amazonaws")


def account_id(session: Session) -> str:
    """The signed-in account."""
    if session.settings.is_offline:
        return next(iter(session.settings.allowed_accounts), OFFLINE_ACCOUNT)
    return session.account()


def region(session: Session, arguments: Mapping[str, Any] | None = None) -> str:
    """The region that is asked for, else the provider's."""
    return str((arguments or {}).get("region") or session.settings.region)


def partition(region_: str) -> tuple[str, str, str]:
    """Its name, the end of its hosts, and that end the other way round."""
    return next((it for prefix, it in _PARTITIONS.items() if region_.startswith(prefix)), _USUAL)
