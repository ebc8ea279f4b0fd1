"""The next operational certificate, asked of the hub with the one in use: the onboarding credential is not
touched.

"Renew a device certificate (operational certificate)" (learn.microsoft.com/azure/iot-hub/
iot-mqtt-connect-to-iot-hub): publish a request to `$iothub/credentials/POST/issueCertificate/?$rid={id}`; the
hub answers 202, later 200 with the chain. azure-iot-device 2.14 cannot publish there, so this is a connection
of its own, with paho-mqtt, the SDK's own MQTT client. A hub has one connection a device: the SDK's must be
closed before (see `agent.machine`). The session is clean, so nothing of it is left at the hub.

The page and Microsoft's device SDKs (azure-sdk-for-c, azure-iot-sdk-java) do not agree on the topic of the
answer and the form of the chain; the SDKs' topic is subscribed to, both forms are read.
"""

import json
import secrets
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote

import paho.mqtt.client as mqtt  # type: ignore[import-untyped]  # 1.6 has no types
from azure.iot.device import ProxyOptions

from agent import certificates, https
from agent.assignment import Assignment
from agent.credentials import Certificate
from agent.errors import CloudError, RefusedError, UnavailableError
from agent.https import Json, Way
from agent.identities import Identities
from agent.issuance import accept
from agent.options import Options

API_VERSION = "2025-08-01-preview"
"""The first one of hubs with a device registry."""

REQUEST = "$iothub/credentials/POST/issueCertificate/"
ANSWERS = "$iothub/credentials/res/"

_ALL_SECONDS = 75.0
_LOOK_SECONDS = 0.2
_KEEP_ALIVE_SECONDS = 20
_ACCEPTED, _ISSUED = 202, 200
_LATER = (408, 409, 429)
_NOT_SUBSCRIBED = 0x80
_UNAVAILABLE = 3  # CONNACK's return code, MQTT 3.1.1, 3.2.2.3


class Reply(NamedTuple):
    """One answer of the hub."""

    status: int
    request_id: str
    body: Json


class HubRenewal:
    """One renewal of the certificate `shown`, at the hub in `held`. `now` is the wall clock."""

    def __init__(
        self,
        options: Options,
        identities: Identities,
        now: Callable[[], datetime],
        held: Assignment,
        shown: Certificate,
    ) -> None:
        self._options = options
        self._identities = identities
        self._now = now
        self._held = held
        self._shown = shown
        self._given_up = threading.Event()

    def enrol(self) -> Assignment:
        """Make a key, ask the hub for its certificate, and keep what comes. Raises CloudError."""
        key, name = certificates.new_key(), self._options.registration_id
        exchange = _Exchange(
            {"id": self._held.device_id, "csr": certificates.request(name, key), "replace": "*"}
        )
        client = self._connected(exchange)
        try:
            body = exchange.wait(client, self._given_up)
        finally:
            client.disconnect()
        try:
            identity = certificates.checked(
                certificates.read_chain(body.get("certificates")), key, name, self._now()
            )
        except ValueError as error:
            raise RefusedError(f"the hub issued no usable certificate: {error}") from error
        return accept(self._identities, identity, self._held.hub, self._held.device_id, self._given_up)

    def close(self) -> None:
        """Keep nothing that comes from now on."""
        self._given_up.set()

    def _connected(self, exchange: "_Exchange") -> Any:  # noqa: ANN401 - paho 1.6 has no types
        options, host, device_id = self._options, self._held.hub, self._held.device_id
        way = Way(options.proxy, options.trust_pem)
        client = mqtt.Client(device_id, transport="websockets" if options.websockets else "tcp")
        if options.websockets:
            client.ws_set_options(path="/$iothub/websocket")
        client.username_pw_set(f"{host}/{quote(device_id, safe='')}/?api-version={API_VERSION}")
        if options.proxy is not None:
            kind: Any = ProxyOptions("HTTP", options.proxy.host, options.proxy.port)  # type: ignore[no-untyped-call]  # not annotated in the SDK
            client.proxy_set(
                proxy_type=kind.proxy_type_socks,
                proxy_addr=options.proxy.host,
                proxy_port=options.proxy.port,
            )
        client.on_connect, client.on_subscribe = exchange.connected, exchange.subscribed
        client.on_message = exchange.message
        try:
            client.tls_set_context(https.context(way, self._shown))
            client.connect(host, 443 if options.websockets else 8883, _KEEP_ALIVE_SECONDS)
        except (OSError, ValueError) as error:
            raise https.failure(error) from error
        return client


class _Exchange:
    """One request and its answers: what paho calls, and what came of it."""

    def __init__(self, request: Json) -> None:
        self._request = json.dumps(request)
        self._id = secrets.token_hex(8)
        self._issued: Json | None = None
        self._failed: CloudError | None = None

    def connected(self, client: Any, _data: object, _flags: object, code: int) -> None:  # noqa: ANN401
        """CONNACK: listen first."""
        if code:
            kind = UnavailableError if code == _UNAVAILABLE else RefusedError
            self._failed = kind(f"the hub refuses the connection ({mqtt.connack_string(code)})")
            return
        client.subscribe(f"{ANSWERS}#", 1)

    def subscribed(self, client: Any, _data: object, _id: int, granted: tuple[int, ...]) -> None:  # noqa: ANN401
        """SUBACK: now ask."""
        if _NOT_SUBSCRIBED in granted:
            self._failed = RefusedError("the hub does not renew certificates")
            return
        client.publish(f"{REQUEST}?$rid={self._id}", self._request, 1)

    def message(self, _client: object, _data: object, message: Any) -> None:  # noqa: ANN401
        """An answer; those to another request are none."""
        reply = read_reply(message.topic, message.payload)
        if reply is None or reply.request_id != self._id or reply.status == _ACCEPTED:
            return
        if reply.status == _ISSUED:
            self._issued = reply.body
        else:
            self._failed = refusal(reply)

    def wait(self, client: Any, given_up: threading.Event) -> Json:  # noqa: ANN401
        """The body of the last answer. Raises CloudError."""
        ends = time.monotonic() + _ALL_SECONDS
        while self._issued is None:
            lost = client.loop(_LOOK_SECONDS)
            if self._failed is not None:
                raise self._failed
            if self._issued is None and (lost or given_up.is_set() or time.monotonic() > ends):
                reason = "the hub closed the connection" if lost else "the hub did not answer in time"
                raise UnavailableError(f"no certificate: {reason}")
        return self._issued


def read_reply(topic: str, payload: bytes) -> Reply | None:
    """A message on `ANSWERS`; None when it is none. A body that is no JSON object is an empty one."""
    status, _, query = topic.removeprefix(ANSWERS).partition("/?")
    if not topic.startswith(ANSWERS) or len(status) != 3 or not (status.isascii() and status.isdigit()):
        return None
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError):
        body = {}
    return Reply(int(status), dict(parse_qsl(query)).get("$rid", ""), body if isinstance(body, dict) else {})


def refusal(reply: Reply) -> CloudError:
    """The hub's own words; a 4xx is a refusal unless it only says: later."""
    info = reply.body.get("info")
    detail = info.get("credentialMessage") if isinstance(info, dict) else None
    words = [str(it) for it in (reply.body.get("message"), detail) if it]
    text = f"the hub {reply.status}: {' '.join(words) or 'without a message'}"
    is_refused = 400 <= reply.status < 500 and reply.status not in _LATER
    return RefusedError(text) if is_refused else UnavailableError(text)
