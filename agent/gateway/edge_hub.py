"""A gateway's right to speak for its children: the key of its `$edgeHub` module, and who the children are.

An IoT Edge device has the module `$edgeHub`; the device itself gives it keys ("Create or update module
identity", IoT Hub service API 2021-04-12, with the device's credential). Tokens signed with such a key open
connections in children's names, and list the children (`devicesAndModulesInDeviceScope`,
2018-08-30-preview). The key is made anew each time a gateway starts, and is kept in memory only.
"""

import base64
import secrets
from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote

from agent import https
from agent.credentials import Certificate, Credential, SymmetricKey, token
from agent.errors import CloudError, RefusedError, UnavailableError
from agent.gateway import scope
from agent.https import Answer, Json, Request, Way

MODULE = "$edgeHub"
TOKEN_SECONDS = 3600
"""The hub ends a child's connection when the token that opened it ends; the child then comes again."""

_MODULE_API, _SCOPE_API = "2021-04-12", "2018-08-30-preview"
_PAGE = 100
_MOST_PAGES = 1000
_KEY_BYTES = 32


class EdgeHub:
    """The module of one gateway in one hub. Its methods block; `now` is the wall clock."""

    def __init__(
        self,
        hub: str,
        device_id: str,
        way: Way,
        credential: Callable[[], Credential],
        now: Callable[[], datetime],
    ) -> None:
        self.hub = hub
        self.device_id = device_id
        self._way = way
        self._credential = credential
        self._now = now
        self._keys = [base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode() for _ in range(2)]

    def token(self) -> str:
        """What opens a connection in a child's name."""
        return self._signed(f"{self.hub}/devices/{self.device_id}/modules/{MODULE}", self._keys[0])

    def register(self) -> None:
        """Tell the hub the module's keys. Raises CloudError."""
        keys = dict(zip(("primaryKey", "secondaryKey"), self._keys, strict=True))
        body: Json = {
            "deviceId": self.device_id,
            "moduleId": MODULE,
            "managedBy": "IotEdge",
            "authentication": {"type": "sas", "symmetricKey": keys},
        }
        credential = self._credential()
        shown = credential if isinstance(credential, Certificate) else None
        signed = self._own_token(credential) if isinstance(credential, SymmetricKey) else ""
        path = f"{self._path()}?api-version={_MODULE_API}"
        _checked(https.send(self._way, Request("PUT", self.hub, path, body, signed, shown, '"*"')))

    def children(self) -> dict[str, scope.Child]:
        """All devices and modules below the gateway, by subject. Raises CloudError."""
        found: dict[str, scope.Child] = {}
        link = f"?deviceCount={_PAGE}&continuationToken=&api-version={_SCOPE_API}"
        path: str | None = f"{self._path()}/devicesAndModulesInDeviceScope{link}"
        for _ in range(_MOST_PAGES):
            if path is None:
                return found
            page = _checked(https.send(self._way, Request("GET", self.hub, path, token=self.token()))).body
            found |= scope.read(page, self.device_id)
            path = _next(page)
        raise UnavailableError("the hub's list of children does not end")

    def _path(self) -> str:
        return f"/devices/{quote(self.device_id, safe='')}/modules/{quote(MODULE, safe='')}"

    def _own_token(self, credential: SymmetricKey) -> str:
        try:
            return self._signed(f"{self.hub}/devices/{self.device_id}", credential.read())
        except (OSError, ValueError) as error:
            raise UnavailableError(f"the symmetric key cannot be used: {error}") from error

    def _signed(self, resource: str, key: str) -> str:
        return token(resource, key, int(self._now().timestamp()) + TOKEN_SECONDS)


def _next(page: Json) -> str | None:
    """The next page's path; only one of this listing is followed."""
    link = page.get("continuationLink")
    return link if isinstance(link, str) and link.startswith("/devices/") else None


def _checked(answer: Answer) -> Answer:
    if answer.status < 300:
        return answer
    words = f"hub {answer.status}: {answer.body.get('Message') or 'without a message'}"
    error: type[CloudError] = RefusedError if answer.status in (400, 401, 403, 404) else UnavailableError
    raise error(words)
