"""A device on the official awsiotsdk, unmodified, with production names through the proxy.

Run as a program: options as JSON, then what to do: claim, mqtt3, mqtt5, ask. Tells JSON lines.
"""

import json
import sys
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

from awscrt import mqtt, mqtt5  # type: ignore[import-untyped]  # the SDK has no types
from awscrt.http import HttpProxyOptions  # type: ignore[import-untyped]  # the same
from awsiot import (  # type: ignore[import-untyped]  # the same
    iotidentity,
    iotshadow,
    mqtt5_client_builder,
    mqtt_connection_builder,
)

SECONDS = 20.0
QOS = mqtt.QoS.AT_LEAST_ONCE


def say(**what: Any) -> None:
    print(json.dumps(what), flush=True)  # noqa: T201 - the test reads it


class Options:
    """The options."""

    def __init__(self, text: str) -> None:
        given = json.loads(text)
        self.name = given["name"]
        self.certificate = given["certificate"]
        self.key = given["key"]
        self.csr = given.get("csr", "")
        self.template = given.get("template", "")
        self.serial = given.get("serial", "")
        self.how = {
            "endpoint": given["endpoint"],
            "port": int(given.get("port", "8883")),
            "ca_filepath": given["trust"],
            "client_id": self.name,
            "http_proxy_options": HttpProxyOptions("127.0.0.1", int(given["proxy"])),
        }


def connected(options: Options) -> Any:
    connection = mqtt_connection_builder.mtls_from_path(
        options.certificate,
        options.key,
        clean_session=True,
        keep_alive_secs=30,
        reconnect_min_timeout_secs=600,
        reconnect_max_timeout_secs=600,
        on_connection_interrupted=lambda error, **_: say(interrupted=error.name),
        **options.how,
    )
    connection.connect().result(SECONDS)
    return connection


def answer(client: Any, operation: str, request: Any, answers: Any) -> Any:
    """Subscribe to both answers, ask, wait."""
    done: Future[Any] = Future()
    for kind in ("accepted", "rejected"):
        subscribe = getattr(client, f"subscribe_to_{operation}_{kind}")
        subscribed, _ = subscribe(answers, QOS, done.set_result)
        subscribed.result(SECONDS)
    getattr(client, f"publish_{operation}")(request, QOS).result(SECONDS)
    return done.result(SECONDS)


def claim(options: Options) -> None:
    connection = connected(options)
    client = iotidentity.IotIdentityClient(connection)
    made = answer(
        client,
        "create_certificate_from_csr",
        iotidentity.CreateCertificateFromCsrRequest(certificate_signing_request=options.csr),
        iotidentity.CreateCertificateFromCsrSubscriptionRequest(),
    )
    if isinstance(made, iotidentity.ErrorResponse):
        say(rejected=made.error_code, words=made.error_message)
        return
    given = answer(
        client,
        "register_thing",
        iotidentity.RegisterThingRequest(
            template_name=options.template,
            certificate_ownership_token=made.certificate_ownership_token,
            parameters={"SerialNumber": options.serial},
        ),
        iotidentity.RegisterThingSubscriptionRequest(template_name=options.template),
    )
    if isinstance(given, iotidentity.ErrorResponse):
        say(rejected=given.error_code, words=given.error_message)
        return
    say(thing=given.thing_name, configuration=given.device_configuration, pem=made.certificate_pem)
    connection.disconnect().result(SECONDS)


def serve(options: Options) -> None:
    connection = connected(options)
    say(connected=options.name)
    client = iotshadow.IotShadowClient(connection)
    thing = {"thing_name": options.name}
    subscribed, _ = client.subscribe_to_shadow_delta_updated_events(
        iotshadow.ShadowDeltaUpdatedSubscriptionRequest(**thing), QOS, lambda it: say(delta=it.state)
    )
    subscribed.result(SECONDS)
    got = answer(
        client,
        "get_shadow",
        iotshadow.GetShadowRequest(**thing, client_token="t-1"),
        iotshadow.GetShadowSubscriptionRequest(**thing),
    )
    if isinstance(got, iotshadow.ErrorResponse):
        say(code=got.code, words=got.message, token=got.client_token)
    else:
        say(desired=got.state.desired, version=got.version)
    state = iotshadow.ShadowState(reported={"interval": 60})
    put = answer(
        client,
        "update_shadow",
        iotshadow.UpdateShadowRequest(**thing, state=state),
        iotshadow.UpdateShadowSubscriptionRequest(**thing),
    )
    say(reported=put.state.reported, version=put.version)
    for line in sys.stdin:
        sent, _ = connection.publish(line.strip(), json.dumps({"from": options.name}), QOS)
        sent.add_done_callback(lambda it: say(sent=it.exception() is None))


def serve5(options: Options) -> None:
    ended: Future[Any] = Future()
    began: Future[Any] = Future()
    builder = mqtt5_client_builder.mtls_from_path(
        options.certificate,
        options.key,
        session_behavior=mqtt5.ClientSessionBehaviorType.CLEAN,
        min_reconnect_delay_ms=600_000,
        max_reconnect_delay_ms=600_000,
        on_publish_received=lambda it: say(
            topic=it.publish_packet.topic,
            payload=it.publish_packet.payload.decode(),
            user=[[item.name, item.value] for item in it.publish_packet.user_properties or []],
        ),
        on_lifecycle_connection_success=lambda it: began.set_result(it.connack_packet.reason_code),
        on_lifecycle_connection_failure=lambda it: began.set_result(
            it.connack_packet.reason_code if it.connack_packet else it.exception.name
        ),
        on_lifecycle_disconnection=lambda it: ended.set_result(it.disconnect_packet),
        **options.how,
    )
    builder.start()
    code = began.result(SECONDS)
    say(connack=int(code) if isinstance(code, int) else code)
    if code != mqtt5.ConnectReasonCode.SUCCESS:
        return
    ended.add_done_callback(lambda it: say(disconnected=it.result() and int(it.result().reason_code)))
    for line in sys.stdin:
        word, _, topic = line.strip().partition(" ")
        if word == "subscribe":
            filters = [mqtt5.Subscription(topic, mqtt5.QoS.AT_LEAST_ONCE)]
            done = builder.subscribe(mqtt5.SubscribePacket(filters)).result(SECONDS)
            say(granted=[int(it) for it in done.reason_codes])
        else:
            properties = [mqtt5.UserProperty("from", options.name)]
            qos = mqtt5.QoS.AT_LEAST_ONCE
            builder.publish(mqtt5.PublishPacket("hello", qos, topic=topic, user_properties=properties))


def ask(options: Options) -> None:
    """Try what each line names, an action and a resource of a policy, over a connection of its own."""
    for line in sys.stdin:
        action, _, resource = line.strip().partition(" ")
        say(allowed=tried(options, action, resource.partition("/")[2]))


def tried(options: Options, action: str, name: str) -> bool:
    began: Future[Any] = Future()
    ended: Future[Any] = Future()
    stopped: Future[Any] = Future()
    client = mqtt5_client_builder.mtls_from_path(
        options.certificate,
        options.key,
        session_behavior=mqtt5.ClientSessionBehaviorType.CLEAN,
        min_reconnect_delay_ms=600_000,
        max_reconnect_delay_ms=600_000,
        on_lifecycle_connection_success=lambda _: began.set_result(True),
        on_lifecycle_connection_failure=lambda _: began.set_result(False),
        on_lifecycle_disconnection=ended.set_result,
        on_lifecycle_stopped=stopped.set_result,
        **options.how | {"client_id": name if action == "Connect" else options.name},
    )
    client.start()
    is_connected = began.result(SECONDS)
    if is_connected and action != "Connect":
        done = asked(client, action, name)
        wait([done, ended], SECONDS, FIRST_COMPLETED)
        is_connected = done.done() and done.exception() is None and granted(done.result())
    client.stop()
    stopped.result(SECONDS)
    return bool(is_connected)


def asked(client: Any, action: str, name: str) -> Any:
    qos = mqtt5.QoS.AT_LEAST_ONCE
    if action == "Subscribe":
        return client.subscribe(mqtt5.SubscribePacket([mqtt5.Subscription(name, qos)]))
    is_kept = {"Publish": False, "RetainPublish": True}[action]
    return client.publish(mqtt5.PublishPacket("{}", qos, topic=name, retain=is_kept))


def granted(told: Any) -> bool:
    codes = told.reason_codes if hasattr(told, "reason_codes") else [told.puback.reason_code]
    return all(int(code) < 0x80 for code in codes)


if __name__ == "__main__":
    chosen = Options(sys.argv[1])
    try:
        {"claim": claim, "mqtt3": serve, "mqtt5": serve5, "ask": ask}[sys.argv[2]](chosen)
    except Exception as error:  # noqa: BLE001 - told to the test
        say(error=type(error).__name__, name=getattr(error, "name", ""), words=str(error))
