"""What the broker tells Device Defender: certificates that clients share, and client ids that clash."""

from tests.localcloud.aws.broker.conftest import Cloud, make

ALL = ("iot:*", "*")


def test_a_certificate_of_one_client_is_not_shared(cloud: Cloud) -> None:
    holder = make("a")
    cloud.certificate(holder, ALL)
    cloud.connect(holder, "a").leave()
    cloud.connect(holder, "b")
    assert cloud.world.defender.history.shared_since(0) == []
    assert cloud.world.defender.history.clashed_since(0) == []


def test_clients_with_one_certificate_at_the_same_time_share_it(cloud: Cloud) -> None:
    holder = make("a")
    certificate = cloud.certificate(holder, ALL)
    for name in ("a", "b"):
        cloud.connect(holder, name)
    ((identity, found),) = cloud.world.defender.history.shared_since(0)
    assert (identity, found["clients"]) == (certificate.id, ["a", "b"])


def test_a_client_that_puts_off_another_clashes_with_it(cloud: Cloud) -> None:
    first, second = make("a"), make("b")
    principals = sorted(cloud.certificate(it, ALL).id for it in (first, second))
    cloud.connect(first, "pump")
    cloud.connect(second, "pump")
    ((client, found),) = cloud.world.defender.history.clashed_since(0)
    assert (client, found["principals"]) == ("pump", principals)
