"""AWS IoT's data plane over HTTPS: publish, and shadows. Source: botocore iot-data 2015-05-28."""

import json
from typing import Any

from localcloud.aws.api import ApiError, Caller, Operation, Params
from localcloud.aws.broker import limits
from localcloud.aws.broker.broker import Broker
from localcloud.aws.broker.sessions import Posted
from localcloud.aws.iot import shadow_documents as documents
from localcloud.aws.iot.paging import page
from localcloud.aws.iot.shadow_documents import ShadowError
from localcloud.aws.iot.shadows import Shadows

_CODES = {
    400: "InvalidRequestException",
    404: "ResourceNotFoundException",
    409: "ConflictException",
    413: "RequestEntityTooLargeException",
    415: "UnsupportedDocumentEncodingException",
}


def operations(broker: Broker, shadows: Shadows) -> dict[str, Operation]:
    """The service's operations, for callers of either kind."""
    data = _Data(broker, shadows)
    return {
        "Publish": data.publish,
        "GetThingShadow": data.get_shadow,
        "UpdateThingShadow": data.update_shadow,
        "DeleteThingShadow": data.delete_shadow,
        "ListNamedShadowsForThing": data.list_shadows,
    }


class _Data:
    """What the operations do."""

    def __init__(self, broker: Broker, shadows: Shadows) -> None:
        self._broker = broker
        self._shadows = shadows

    def publish(self, caller: Caller, params: Params) -> Params:
        """A message. Properties of MQTT 5 and retained messages are refused: not served."""
        topic, payload = params["topic"], params.get("payload", b"")
        more = sorted(set(params) - {"topic", "qos", "payload", "retain"})
        if more or params.get("retain"):
            raise _invalid(f"The local cloud serves no {', '.join(more) or 'retained messages'}.")
        fault = limits.topic_fault(topic)
        if fault or not topic or set("+#") & set(topic):
            raise _invalid(f"The topic is invalid: {fault or 'it is empty or has wildcards'}.")
        if len(payload) > limits.LARGEST_PAYLOAD_BYTES:
            raise _invalid(f"The payload is larger than {limits.LARGEST_PAYLOAD_BYTES} bytes.")
        message = Posted(topic, payload, params.get("qos", 0), principal=caller.arn.rpartition("/")[2])
        if not self._broker.publish(message):
            raise _invalid(f"The topic {topic} is reserved.")
        return {}

    def get_shadow(self, _: Caller, params: Params) -> Params:
        """The document."""
        return _told(lambda: self._shadows.get(params["thingName"], params.get("shadowName")))

    def update_shadow(self, _: Caller, params: Params) -> Params:
        """The answer that MQTT would have at `update/accepted`."""
        thing, name = params["thingName"], params.get("shadowName")
        payload = params["payload"]
        return _told(lambda: self._shadows.change(thing, name, documents.read_update(payload)))

    def delete_shadow(self, _: Caller, params: Params) -> Params:
        """Its last version."""
        return _told(lambda: self._shadows.delete(params["thingName"], params.get("shadowName")))

    def list_shadows(self, _: Caller, params: Params) -> Params:
        """Names, in pages."""
        try:
            names = self._shadows.names(params["thingName"])
        except ShadowError as error:
            raise _refusal(error) from error
        asked = {"maxResults": params.get("pageSize"), "nextToken": params.get("nextToken")}
        return {**page("results", names, str, asked), "timestamp": self._shadows.now()}


def _told(work: Any) -> Params:  # noqa: ANN401 - a function without arguments
    try:
        return {"payload": json.dumps(work()).encode()}
    except ShadowError as error:
        raise _refusal(error) from error


def _refusal(error: ShadowError) -> ApiError:
    return ApiError(_CODES.get(error.code, "InternalFailureException"), error.message, error.code)


def _invalid(words: str) -> ApiError:
    return ApiError("InvalidRequestException", words)
