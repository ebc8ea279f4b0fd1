"""The provider's own clients for the cloud of a stack, with that stack's credentials."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from azure.identity import ClientSecretCredential

from provider.clients import Azure
from provider.clients.credentials import Entra
from provider.clients.rest import Rest
from provider.clients.retry import Clock
from provider.clients.transport import http_client


class Cloud:
    """Calls of any host of a cloud. `environment` is what child processes of the stack get."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._http = http_client(environment)
        self._entra = Entra(environment, _credential(environment))
        self._clock = Clock()
        self.azure = Azure(environment, self._clock, http=self._http, entra=self._entra)

    def rest(self, host: str, scope: str) -> Rest:
        """Calls of one host with tokens for one scope."""
        return Rest(self._http, f"https://{host}", self._entra.authentication(scope), self._clock)

    def pages(
        self, host: str, scope: str, path: str, version: str, body: dict[str, object]
    ) -> Iterator[dict[str, object]]:
        """Everything that a query finds, page by page."""
        more: str | None = ""
        while more is not None:
            headers = {"x-ms-max-item-count": "100", **({"x-ms-continuation": more} if more else {})}
            answer = self.rest(host, scope).call(
                "POST", path, params={"api-version": version}, body=body, headers=headers, repeatable=True
            )
            yield from answer.json()
            more = answer.headers.get("x-ms-continuation") or None


@contextmanager
def opened(environment: Mapping[str, str]) -> Iterator[Cloud]:
    """Clients that give their connections back at the end."""
    cloud = Cloud(environment)
    try:
        yield cloud
    finally:
        cloud.azure.close()


def _credential(environment: Mapping[str, str]) -> ClientSecretCredential | None:
    """The local cloud's; elsewhere azure-identity finds a person's own."""
    if "MUSTER_PROXY" not in environment:
        return None
    return ClientSecretCredential(
        environment["AZURE_TENANT_ID"],
        environment["AZURE_CLIENT_ID"],
        environment["AZURE_CLIENT_SECRET"],
        proxies={"https": environment["MUSTER_PROXY"]},
        connection_verify=environment["MUSTER_CA_FILE"],
    )
