"""Where everything of the local cloud's AWS lies: one account in one region, its memory and its clock."""

import secrets
import string
from dataclasses import dataclass

from localcloud.clock import Clock
from localcloud.store import Store

ACCOUNT = "111122223333"
REGION = "eu-west-1"
ZONE = f"iot.{REGION}.amazonaws.com"
_SETTINGS = "aws-settings"


@dataclass(frozen=True)
class Place:
    """What every registry is given."""

    store: Store
    clock: Clock
    account: str = ACCOUNT
    region: str = REGION

    def arn(self, resource: str, service: str = "iot") -> str:
        """The ARN of something, such as `thing/pump-1`."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def resource(self, arn: str, service: str = "iot") -> str | None:
        """What `arn` made `arn` from; None when it is not of this account, region and service."""
        prefix = self.arn("", service)
        return arn.removeprefix(prefix) if arn.startswith(prefix) else None

    def now(self) -> float:
        """The time as AWS' JSON has it: seconds since 1970."""
        return round(self.clock.now().timestamp(), 3)

    def setting(self, name: str, length: int, alphabet: str = string.ascii_lowercase + string.digits) -> str:
        """A random text of the account's, made when it is first asked for and kept."""
        known = self.store.get(_SETTINGS, name)
        if known is None:
            known = {"value": "".join(secrets.choice(alphabet) for _ in range(length))}
            self.store.put(_SETTINGS, name, known)
        return str(known["value"])

    def endpoint(self, kind: str) -> str:
        """A host name of the account's: `-ats` (data), `.credentials` or `.jobs`."""
        return f"a{self.setting('endpoint', 13)}{kind}.{ZONE}"
