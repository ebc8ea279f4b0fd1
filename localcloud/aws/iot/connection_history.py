"""What the broker saw that an audit asks for: certificates shared by clients, and client ids that clashed.

The broker calls `shared` and `clashed`. Kept for 31 days, which is how far an audit on demand looks back
(docs.aws.amazon.com/iot-device-defender/latest/devguide/audit-chk-device-cert-shared.html).
"""

from localcloud.aws.place import Place
from localcloud.store import Document

LOOKS_BACK_SECONDS = 31 * 86400
_SHARED = "aws-shared-certificate"
_CLASHED = "aws-clashed-client"


class ConnectionHistory:
    """The last time of each."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def shared(self, certificate_id: str, client_ids: list[str]) -> None:
        """These clients were connected at the same time with one certificate."""
        known = self._place.store.get(_SHARED, certificate_id) or {"clients": []}
        clients = sorted({*known["clients"], *client_ids})
        self._place.store.put(_SHARED, certificate_id, {"clients": clients, "time": self._place.now()})

    def clashed(self, client_id: str, principals: list[str]) -> None:
        """A client was put off by another with its id."""
        known = self._place.store.get(_CLASHED, client_id) or {"principals": []}
        found = sorted({*known["principals"], *principals})
        self._place.store.put(_CLASHED, client_id, {"principals": found, "time": self._place.now()})

    def shared_since(self, seconds: float) -> list[tuple[str, Document]]:
        """Certificates' ids, with `clients` and `time`."""
        return [it for it in self._place.store.list(_SHARED) if it[1]["time"] >= seconds]

    def clashed_since(self, seconds: float) -> list[tuple[str, Document]]:
        """Client ids, with `principals` and `time`."""
        return [it for it in self._place.store.list(_CLASHED) if it[1]["time"] >= seconds]
