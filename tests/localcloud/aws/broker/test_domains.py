"""Addresses that a device may name in its handshake: those of the account's domain configurations."""

import pytest

from localcloud.mqtt.session import ConnectRefused
from tests.localcloud.aws.broker.conftest import Cloud, make

HOST = "d01645582h24k4we2vblw-ats.iot.eu-west-1.amazonaws.com"


def test_a_host_of_no_configuration_is_refused_and_one_of_a_configuration_is_not(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = make("a")
    cloud.certificate(holder, ("iot:*", "*"))
    with pytest.raises(ConnectRefused):
        cloud.connect(holder, "a", server_name=HOST)
    cloud.connect(holder, "a", server_name=cloud.place.endpoint("-ats")).leave()
    own = cloud.world.domains.hosts()
    monkeypatch.setattr(cloud.world.domains, "hosts", lambda: {**own, HOST: "1.3"})
    assert not cloud.connect(holder, "b", server_name=HOST).closed
