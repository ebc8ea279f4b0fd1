"""The edge to Azure: DPS and IoT Hub through the official device SDK (azure-iot-device 2.14).

Every call blocks until it succeeded or failed with `RefusedError` or `UnavailableError`; what the hub
starts by itself (a lost connection, a desired patch) comes through callbacks, on threads of the SDK. The
SDK's own reconnecting is off: when to try again is decided by `agent.machine` alone, for one device in one
place.
"""

import re
import ssl
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from azure.iot.device import X509, IoTHubDeviceClient, Message, ProvisioningDeviceClient, ProxyOptions
from azure.iot.device import exceptions as sdk
from azure.iot.device.common.evented_callback import EventedCallback
from azure.iot.device.common.pipeline.pipeline_exceptions import PipelineNotRunning

from agent.assignment import Assignment
from agent.credentials import Credential, SymmetricKey
from agent.errors import CloudError, RefusedError, UnavailableError
from agent.options import Options
from agent.twin import Json

_REFUSED = re.compile(r"service error status code 4|failed registration status|registration status disabled")
"""How the SDK words a refusal in its ServiceError: a 4xx answer, or a registration that failed or is
disabled. 429 and up never get here: the SDK repeats those itself."""

_SHUTDOWN_SECONDS = 5.0

TOKEN_SECONDS = 3600
"""Life of a token made of a symmetric key; the SDK makes the next one two minutes before its end."""

Result = TypeVar("Result")


class AzureProvisioning:
    """One registration with DPS."""

    def __init__(self, options: Options) -> None:
        self._client: Any = _client(
            ProvisioningDeviceClient,
            options.credential,
            provisioning_host=options.provisioning_host,
            registration_id=options.registration_id,
            id_scope=options.id_scope,
            **_transport(options, options.trust_pem),
        )

    def enrol(self) -> Assignment:
        """Register; the assigned hub and the device id in it."""
        try:
            state = _call(self._client.register).registration_state
        except CloudError:
            self.close()
            raise
        if state is None:
            raise UnavailableError("DPS assigned no hub")
        return Assignment(state.assigned_hub, state.device_id)

    def close(self) -> None:
        """Stop a registration that failed or hangs; the SDK, with no public way to, would stay connected."""
        done: Any = EventedCallback()  # type: ignore[no-untyped-call]  # not annotated in the SDK
        try:
            self._client._pipeline.shutdown(callback=done)
        except PipelineNotRunning:
            return
        done.completion_event.wait(_SHUTDOWN_SECONDS)


class AzureHub:
    """One connection to one hub; made new for every attempt, closed once."""

    def __init__(self, options: Options, credential: Credential, host: str, device_id: str) -> None:
        parent = options.parent
        way = {} if parent is None else {"gateway_hostname": parent.host}
        # Any: the SDK annotates its handlers with arguments that it does not pass
        self._client: Any = _client(
            IoTHubDeviceClient,
            credential,
            hostname=host,
            device_id=device_id,
            connection_retry=False,
            auto_connect=False,
            ensure_desired_properties=False,
            **way,
            **_transport(options, (parent and parent.trust_pem) or options.trust_pem),
        )

    def connect(self, lost: Callable[[str], None], desired: Callable[[Json], None]) -> None:
        """Connect and subscribe to desired changes; from then on call `lost` and `desired`."""

        def state_changed() -> None:
            if not self._client.connected:
                lost("the hub or the network closed the connection")

        self._client.on_connection_state_change = state_changed
        _call(self._client.connect)
        _call(lambda: setattr(self._client, "on_twin_desired_properties_patch_received", desired))

    def read_twin(self) -> Json:
        """The whole twin: `{"desired": {…}, "reported": {…}}`."""
        twin: Json = _call(self._client.get_twin)
        return twin

    def report(self, properties: Json) -> None:
        """Write reported properties."""
        _call(lambda: self._client.patch_twin_reported_properties(properties))

    def send(self, body: str) -> None:
        """Send one JSON message of telemetry."""
        message: Any = Message(body, None, "utf-8", "application/json")  # type: ignore[no-untyped-call]  # not annotated in the SDK
        _call(lambda: self._client.send_message(message))

    def close(self) -> None:
        """Disconnect and stop the SDK's threads."""
        self._client.on_connection_state_change = None
        _call(self._client.shutdown)


def cloud_error(error: BaseException) -> CloudError:
    """`error` of the SDK as RefusedError or UnavailableError, its message the root cause in words."""
    causes = list(_causes(error))
    reason = _reason(causes[-1])
    return RefusedError(reason) if any(map(_is_refusal, causes)) else UnavailableError(reason)


def _is_refusal(error: BaseException) -> bool:
    """Whether the cloud said no to this identity: at CONNECT, in an answer, or by a TLS alert."""
    if isinstance(error, sdk.CredentialError):
        return True
    if isinstance(error, sdk.ServiceError):
        return bool(_REFUSED.search(str(error)))
    return isinstance(error, ssl.SSLError) and "ALERT" in (error.reason or "")


def _causes(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__


def _reason(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")


def _call(operation: Callable[[], Result]) -> Result:
    try:
        return operation()
    except Exception as error:
        raise cloud_error(error) from error


def _client(kind: type[Any], credential: Credential, **how: Any) -> Any:  # noqa: ANN401 - the SDK's own
    """A client of the SDK. Raises UnavailableError when files that were there at the start are not now."""
    try:
        if isinstance(credential, SymmetricKey):
            key = credential.read()
            return kind.create_from_symmetric_key(symmetric_key=key, sastoken_ttl=TOKEN_SECONDS, **how)
        files = {"cert_file": str(credential.chain), "key_file": str(credential.key)}
        return kind.create_from_x509_certificate(x509=X509(**files), **how)  # type: ignore[no-untyped-call]  # not annotated in the SDK
    except (OSError, ValueError) as error:
        raise UnavailableError(f"the device's credential cannot be used: {error}") from error


def _transport(options: Options, trust_pem: str | None) -> dict[str, Any]:
    """How the cloud is reached and trusted; the same for DPS and hubs."""
    transport: dict[str, Any] = {"websockets": options.websockets}
    if trust_pem is not None:
        transport["server_verification_cert"] = trust_pem
    if options.proxy is not None:
        proxy = options.proxy
        transport["proxy_options"] = ProxyOptions("HTTP", proxy.host, proxy.port)  # type: ignore[no-untyped-call]  # not annotated in the SDK
    return transport
