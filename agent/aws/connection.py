"""One MQTT connection to AWS IoT: MQTT 3.1.1 with a client certificate, through a CONNECT proxy where one is.

The SDK's own reconnecting is off (its first attempt would come after an hour, and a connection that was lost
is closed long before): when to try again is decided by `agent.machine` alone.
"""

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any, TypeVar

from awscrt import mqtt  # type: ignore[import-untyped]  # the SDK has no types
from awscrt.exceptions import AwsCrtError  # type: ignore[import-untyped]  # the same
from awscrt.http import HttpProxyOptions  # type: ignore[import-untyped]  # the same
from awsiot import mqtt_connection_builder  # type: ignore[import-untyped]  # the same

from agent.aws.doubt import NOT_NEGOTIATED, Doubt
from agent.aws.options import AwsOptions
from agent.credentials import Certificate
from agent.errors import CloudError, UnavailableError
from agent.https import Way, distrust
from agent.options import Options

QOS = mqtt.QoS.AT_LEAST_ONCE

_CONNECT_SECONDS = 60.0
_ANSWER_SECONDS = 30.0
_CLOSE_SECONDS = 5.0
_KEEP_ALIVE_SECONDS = 60
_PING_MILLISECONDS = 20_000
_NEVER_SECONDS = 3600

Result = TypeVar("Result")


class LostError(UnavailableError):
    """The connection ended while an answer was waited for."""


class Connection:
    """One connection; made new for every attempt, closed once. Making it raises UnavailableError when files
    that were there at the start are not now.
    """

    def __init__(
        self, options: Options, aws: AwsOptions, credential: Certificate, client_id: str, doubt: Doubt
    ) -> None:
        self._doubt = doubt
        self._lost: Future[None] = Future()
        self._lock = threading.Lock()
        self._told: Callable[[str], None] | None = None
        proxy = options.proxy
        self._endpoint, self._way = (aws.endpoint, aws.port), Way(proxy, options.trust_pem)
        try:
            self.mqtt: Any = mqtt_connection_builder.mtls_from_path(
                str(credential.chain),
                str(credential.key),
                endpoint=aws.endpoint,
                port=aws.port,
                client_id=client_id,
                clean_session=True,
                ca_bytes=options.trust_pem.encode() if options.trust_pem else None,
                http_proxy_options=HttpProxyOptions(proxy.host, proxy.port) if proxy else None,
                keep_alive_secs=_KEEP_ALIVE_SECONDS,
                ping_timeout_ms=_PING_MILLISECONDS,
                reconnect_min_timeout_secs=_NEVER_SECONDS,
                reconnect_max_timeout_secs=_NEVER_SECONDS,
                enable_metrics_collection=False,
                on_connection_interrupted=self._interrupted,
            )
        except (OSError, AwsCrtError, RuntimeError) as error:
            raise UnavailableError(f"the device's certificate cannot be used: {error}") from error

    def open(self, lost: Callable[[str], None]) -> None:
        """Connect; from then on `lost` is called once when the connection ends. Raises CloudError."""
        self._told = lost
        try:
            self.mqtt.connect().result(_CONNECT_SECONDS)
        except TimeoutError as error:
            raise UnavailableError("no answer to CONNECT") from error
        except Exception as error:
            raise self._meaning(error) from error
        self._doubt.accepted()

    def wait(self, answer: "Future[Result]") -> Result:
        """The result of something asked over this connection, which may be lost meanwhile.

        Raises LostError, UnavailableError; what else the answer itself raises is let through.
        """
        either: list[Future[Any]] = [answer, self._lost]
        done, _ = wait(either, _ANSWER_SECONDS, FIRST_COMPLETED)
        if answer in done:
            try:
                return answer.result()
            except (AwsCrtError, mqtt.SubscribeError) as error:
                raise UnavailableError(reason(error)) from error
        if self._lost in done:
            raise LostError("the endpoint or the network closed the connection")
        raise UnavailableError(f"AWS IoT gave no answer within {_ANSWER_SECONDS:g} seconds")

    def close(self) -> None:
        """Disconnect. Raises UnavailableError when that was not clean: nothing is open, or no answer."""
        with self._lock:
            self._told = None
        try:
            ended = self.mqtt.disconnect()
            if not self._lost.done():  # else there is nobody to take leave of, and the SDK takes its time
                ended.result(_CLOSE_SECONDS)
        except Exception as error:
            raise UnavailableError(reason(error)) from error

    def close_quietly(self) -> None:
        """The same where something worse has happened already."""
        try:
            self.close()
        except CloudError:
            return

    def _meaning(self, error: Exception) -> CloudError:
        """What an attempt to connect means that failed. A server that we do not trust says nothing of us."""
        name = getattr(error, "name", "")
        fault = distrust(self._way, *self._endpoint) if name == NOT_NEGOTIATED else ""
        if fault:
            return UnavailableError(f"the endpoint is not trusted: {fault}")
        return self._doubt.judge(name, reason(error))

    def _interrupted(self, *, connection: object, error: Exception, **_: object) -> None:
        del connection
        with self._lock:
            told, self._told = self._told, None
            if not self._lost.done():
                self._lost.set_result(None)
        if told is not None:
            told(reason(error))


def reason(error: BaseException) -> str:
    """An error of the SDK in words, on one line."""
    name = getattr(error, "name", None) or type(error).__name__
    message = getattr(error, "message", None) or str(error)
    return " ".join(f"{name}: {message}".split()).removesuffix(":")
