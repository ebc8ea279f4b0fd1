"""Secure tunnelling's control plane: tunnels and their tokens. Nothing is carried, there is no endpoint.

Operations of botocore's iotsecuretunneling 2018-10-05. docs.aws.amazon.com/iot/latest/developerguide/
secure-tunneling-concepts.html: a tunnel lives 12 hours at most, and rotating gives new tokens to one that is
open. A destination that is a thing is told its token on `$aws/things/{thing}/tunnels/notify` (agent-snippet
in the same guide). The store has hashes of tokens only; `side_of` tells whose a token is.
"""

import hashlib
import secrets
from collections.abc import Callable

from localcloud.aws.api import ApiError, Operation, Params, for_anyone
from localcloud.aws.iot.named import subset
from localcloud.aws.iot.paging import page
from localcloud.aws.iot.tags import Tags
from localcloud.aws.iot.things import Things
from localcloud.aws.place import Place
from localcloud.store import Document

LONGEST_MINUTES = 720
SIDES = ("source", "destination")
_KIND = "aws-tunnel"
_TAGS = "aws-tunnel-tags"
_SHOWN = (
    "tunnelId",
    "tunnelArn",
    "status",
    "description",
    "destinationConfig",
    "timeoutConfig",
    "createdAt",
    "lastUpdatedAt",
)
_LISTED = ("tunnelId", "tunnelArn", "status", "description", "createdAt", "lastUpdatedAt")


class Tunnels:
    """Tunnels by id. One whose time is over is closed."""

    def __init__(self, place: Place, things: Things) -> None:
        self._place = place
        self._things = things
        self._tags = Tags(place, _TAGS, "key", "value")
        self.notify: Callable[[str, Params], None] = lambda _topic, _message: None

    def operations(self) -> dict[str, Operation]:
        """The service `iotsecuretunneling`."""
        return {
            **self._tags.operations(),
            **for_anyone(
                {
                    "OpenTunnel": self._open,
                    "DescribeTunnel": self._describe,
                    "CloseTunnel": self._close,
                    "RotateTunnelAccessToken": self._rotate,
                    "ListTunnels": self._list,
                }
            ),
        }

    def side_of(self, token: str) -> tuple[str, str] | None:
        """The tunnel's id and the side ("source", "destination") of a token; None for none that is good."""
        wanted = _hash(token)
        for known in self._all():
            for side in SIDES:
                if known["status"] == "OPEN" and known["tokens"].get(side) == wanted:
                    return str(known["tunnelId"]), side
        return None

    def _open(self, params: Params) -> Params:
        thing = params.get("destinationConfig", {}).get("thingName")
        if thing is not None:
            self._things.require(thing)
        tunnel_id, now = secrets.token_hex(16), self._place.now()
        document = {
            "tunnelId": tunnel_id,
            "tunnelArn": self._place.arn(f"tunnel/{tunnel_id}"),
            "status": "OPEN",
            "timeoutConfig": {
                "maxLifetimeTimeoutMinutes": LONGEST_MINUTES,
                **params.get("timeoutConfig", {}),
            },
            "createdAt": now,
            "lastUpdatedAt": now,
            "tokens": {},
            **subset(params, ("description", "destinationConfig")),
        }
        with self._place.store.transaction():
            self._tags.put(document["tunnelArn"], params.get("tags", []))
            return {"tunnelId": tunnel_id, **self._renewed(document, SIDES)}

    def _describe(self, params: Params) -> Params:
        known = self._known(params["tunnelId"])
        idle = {"status": "DISCONNECTED", "lastUpdatedAt": known["createdAt"]}
        shown = {
            **subset(known, _SHOWN),
            "sourceConnectionState": idle,
            "destinationConnectionState": idle,
            "tags": self._tags.get(known["tunnelArn"]),
        }
        return {"tunnel": shown}

    def _close(self, params: Params) -> Params:
        known = self._known(params["tunnelId"])
        if params.get("delete"):
            self._tags.forget(known["tunnelArn"])
            self._place.store.delete(_KIND, known["tunnelId"])
        else:
            self._save({**known, "status": "CLOSED", "tokens": {}})
        return {}

    def _rotate(self, params: Params) -> Params:
        known = self._known(params["tunnelId"])
        if known["status"] != "OPEN":
            raise ApiError("ResourceNotFoundException", f"Tunnel {known['tunnelId']} is not open.")
        if "destinationConfig" in params:
            thing = params["destinationConfig"].get("thingName")
            if thing is not None:
                self._things.require(thing)
            known["destinationConfig"] = params["destinationConfig"]
        mode = params["clientMode"]
        return self._renewed(known, SIDES if mode == "ALL" else (mode.lower(),))

    def _list(self, params: Params) -> Params:
        wanted = params.get("thingName")
        found = [
            subset(it, _LISTED)
            for it in self._all()
            if wanted in (None, it.get("destinationConfig", {}).get("thingName"))
        ]
        return page("tunnelSummaries", found, lambda it: str(it["tunnelId"]), params)

    def _renewed(self, known: Document, sides: tuple[str, ...]) -> Params:
        """New tokens for these sides; the old ones are good no more."""
        tokens = {side: secrets.token_urlsafe(48) for side in sides}
        known["tokens"] |= {side: _hash(token) for side, token in tokens.items()}
        self._save(known)
        if "destination" in tokens:
            self._tell(known, tokens["destination"])
        shown = {f"{side}AccessToken": token for side, token in tokens.items()}
        return {"tunnelArn": known["tunnelArn"], **shown}

    def _tell(self, known: Document, token: str) -> None:
        config = known.get("destinationConfig", {})
        if "thingName" not in config:
            return
        message = {
            "clientAccessToken": token,
            "clientMode": "destination",
            "region": self._place.region,
            "services": config["services"],
        }
        self.notify(f"$aws/things/{config['thingName']}/tunnels/notify", message)

    def _known(self, tunnel_id: str) -> Document:
        found = self._place.store.get(_KIND, tunnel_id)
        if found is None:
            raise ApiError("ResourceNotFoundException", f"There is no tunnel {tunnel_id}.")
        return self._aged(found)

    def _all(self) -> list[Document]:
        return [self._aged(it) for _, it in self._place.store.list(_KIND)]

    def _aged(self, known: Document) -> Document:
        ends = known["createdAt"] + known["timeoutConfig"]["maxLifetimeTimeoutMinutes"] * 60
        if known["status"] == "OPEN" and ends <= self._place.now():
            known = {**known, "status": "CLOSED", "tokens": {}}
            self._save(known)
        return known

    def _save(self, known: Document) -> None:
        document = {**known, "lastUpdatedAt": self._place.now()}
        self._place.store.put(_KIND, known["tunnelId"], document)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
