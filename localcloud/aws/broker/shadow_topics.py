"""Shadows over MQTT: get, update, delete; answers at `…/accepted` and `…/rejected`.

Source: "Device Shadow MQTT topics" (AWS IoT developer guide). Answers go to everyone who subscribed to them.
"""

import re

from localcloud.aws.broker.connection import Connection
from localcloud.aws.broker.exchange import Exchange
from localcloud.aws.broker.sessions import Posted
from localcloud.aws.iot import shadow_documents as documents
from localcloud.aws.iot.shadow_documents import Json, ShadowError
from localcloud.aws.iot.shadows import Shadows
from localcloud.mqtt.payloads import write_object

_TOPIC = re.compile(r"(\$aws/things/([^/]+)/shadow(?:/name/([^/]+))?)/(get|update|delete)")


class ShadowTopics:
    """Requests of devices."""

    def __init__(self, shadows: Shadows, exchange: Exchange) -> None:
        self._shadows = shadows
        self._exchange = exchange

    def handle(self, _: Connection | None, message: Posted) -> bool:
        """Answer; False when the topic is none of a shadow's."""
        found = _TOPIC.fullmatch(message.topic)
        if found is None:
            return False
        thing, name, operation = found[2], found[3], found[4]
        token: Json = {}
        try:
            body = documents.read_object(message.payload)
            token = {"clientToken": body["clientToken"]} if "clientToken" in body else {}
            answer = {**self._done(operation, thing, name, message.payload), **token}
        except ShadowError as error:
            told = {"code": error.code, "message": error.message, "timestamp": self._shadows.now()}
            rejected = {**told, **token}
            self._exchange.tell(f"{message.topic}/rejected", write_object(rejected))
        else:
            self._exchange.tell(f"{message.topic}/accepted", write_object(answer))
        return True

    def _done(self, operation: str, thing: str, name: str | None, payload: bytes) -> Json:
        if operation == "get":
            return self._shadows.get(thing, name)
        if operation == "delete":
            return self._shadows.delete(thing, name)
        return self._shadows.change(thing, name, documents.read_update(payload))
