"""Both clouds in one process; the host that a device asked for tells which is meant."""

from localcloud.aws.cloud import Aws
from localcloud.azure.cloud import Azure
from localcloud.mqtt.packets import Connect
from localcloud.mqtt.session import Channel, Conversation, Peer
from localcloud.tls import AMAZON_ZONE


class Clouds:
    """Hands a CONNECT to its cloud. AWS demands SNI; what names no host is Azure's."""

    def __init__(self, azure: Azure, aws: Aws) -> None:
        self.azure = azure
        self.aws = aws

    def accept(self, connect: Connect, peer: Peer, channel: Channel) -> Conversation:
        """Admit a client. Raises ConnectRefused."""
        if peer.server_name().endswith(f".{AMAZON_ZONE}"):
            return self.aws.accept(connect, peer, channel)
        return self.azure.accept(connect, peer, channel)

    def tidy(self) -> None:
        """What has to happen now and then."""
        self.azure.tidy()
        self.aws.tidy()

    def close(self) -> None:
        """Release both stores."""
        self.azure.store.close()
        self.aws.place.store.close()
