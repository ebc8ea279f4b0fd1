"""Microsoft Entra ID on loopback: enough of login.microsoftonline.com for an unmodified azure-identity.

One tenant and one application with a random secret, made at first start (`ensure_credentials`). Served:
instance discovery, OpenID configuration and the token endpoint, for the client credentials flow (OAuth 2.0,
RFC 6749 section 4.4; learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow). Tokens
are opaque, live one hour and are good for one audience; only their SHA-256 is kept.
"""

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from localcloud.calls import Answer, Call, NoRouteError, dispatch, route
from localcloud.clock import Clock
from localcloud.store import Store

AUTHORITY_HOST = "login.microsoftonline.com"
TOKEN_LIFE_SECONDS = 3600
ARM, DPS, HUB, STORAGE = (
    "https://management.azure.com",
    "https://azure-devices-provisioning.net",
    "https://iothubs.azure.net",
    "https://storage.azure.com",
)
_AUDIENCES = {ARM: ARM, "https://management.core.windows.net": ARM, DPS: DPS, HUB: HUB, STORAGE: STORAGE}
_KIND = "entra"


@dataclass(frozen=True)
class Application:
    """Who may ask for tokens. `object_id` is its service principal; `secret_hash` SHA-256 of a random
    secret.
    """

    tenant_id: str
    client_id: str
    object_id: str
    subscription_id: str
    secret_hash: str


def ensure_credentials(state_dir: Path, store: Store) -> Application:
    """The application of this state; writes DIR/azure.env (0600, KEY=value) when it is not there yet.

    A lost azure.env gets a new secret; tenant, client and subscription stay, so resource ids do too.
    """
    path = state_dir / "azure.env"
    known = application(store)
    if known is not None and path.exists():
        return known
    secret = secrets.token_urlsafe(32)
    made = _application(known, secret)
    _write_private(path, _environment(made, secret))
    store.put(_KIND, "application", vars(made))
    return made


def application(store: Store) -> Application | None:
    """The application, or None before `ensure_credentials`."""
    document = store.get(_KIND, "application")
    return None if document is None else Application(**document)


def _application(known: Application | None, secret: str) -> Application:
    kept = vars(known) if known else {}
    return Application(
        tenant_id=kept.get("tenant_id") or str(uuid.uuid4()),
        client_id=kept.get("client_id") or str(uuid.uuid4()),
        object_id=kept.get("object_id") or str(uuid.uuid4()),
        subscription_id=kept.get("subscription_id") or str(uuid.uuid4()),
        secret_hash=_hash(secret),
    )


def _environment(made: Application, secret: str) -> str:
    values = {
        "AZURE_TENANT_ID": made.tenant_id,
        "AZURE_CLIENT_ID": made.client_id,
        "AZURE_CLIENT_SECRET": secret,
        "AZURE_AUTHORITY_HOST": AUTHORITY_HOST,
        "ARM_SUBSCRIPTION_ID": made.subscription_id,
    }
    return "".join(f"{key}={value}\n" for key, value in values.items())


def _write_private(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.replace(path)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Tokens:
    """Gives out bearer tokens and knows them again; keeps their hashes in the store, so they survive a
    restart.
    """

    def __init__(self, store: Store, clock: Clock | None = None) -> None:
        self._store = store
        self.clock = clock or Clock()

    def issue(self, audience: str, subject: str) -> str:
        """A new token for `audience`, one hour long."""
        self._forget_expired()
        token = secrets.token_urlsafe(48)
        document = {"audience": audience, "subject": subject, "expires": self._now() + TOKEN_LIFE_SECONDS}
        self._store.put("token", _hash(token), document)
        return token

    def fault(self, token: str, audience: str) -> str | None:
        """Why the token does not open `audience`, None when it does."""
        document = self._store.get("token", _hash(token))
        if document is None:
            return "the bearer token is not known to the local cloud"
        if document["expires"] < self._now():
            return "the bearer token is expired"
        if document["audience"] != audience:
            return f"the bearer token is for {document['audience']}, this service takes {audience}"
        return None

    def _now(self) -> float:
        return self.clock.now().timestamp()

    def _forget_expired(self) -> None:
        for key, document in self._store.list("token"):
            if document["expires"] < self._now():
                self._store.delete("token", key)


class EntraError(Exception):
    """A refused token request: OAuth 2.0 `error` (RFC 6749 section 5.2) and Entra's AADSTS number."""

    def __init__(self, status: int, error: str, number: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.number = number
        self.message = message


class EntraService:
    """login.microsoftonline.com."""

    def __init__(self, store: Store, tokens: Tokens) -> None:
        self._store = store
        self._tokens = tokens
        self._routes = [
            route("GET", "/common/discovery/instance", self._discovery),
            route("GET", "/{tenant}/v2.0/.well-known/openid-configuration", self._configuration),
            route("POST", "/{tenant}/oauth2/v2.0/token", self._token),
        ]

    def answer(self, call: Call) -> Answer:
        """The response; refusals are answers too."""
        try:
            return dispatch(self._routes, call)
        except NoRouteError as missing:
            return self.fault(missing.status, str(missing))
        except EntraError as refused:
            return self._refusal(refused)

    def fault(self, status: int, message: str) -> Answer:
        """An error outside the flow."""
        return self._refusal(EntraError(status, "invalid_request", 900144, message))

    def _refusal(self, refused: EntraError) -> Answer:
        body = {
            "error": refused.error,
            "error_description": f"AADSTS{refused.number}: {refused.message}",
            "error_codes": [refused.number],
            "timestamp": f"{self._tokens.clock.now():%Y-%m-%d %H:%M:%SZ}",
            "trace_id": str(uuid.uuid4()),
            "correlation_id": str(uuid.uuid4()),
        }
        return Answer(refused.status, body)

    def _discovery(self, _call: Call) -> Answer:
        host = AUTHORITY_HOST
        return Answer(
            body={
                "tenant_discovery_endpoint": f"https://{host}/common/v2.0/.well-known/openid-configuration",
                "api-version": "1.1",
                "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
            }
        )

    def _configuration(self, _call: Call, tenant: str) -> Answer:
        self._known_tenant(tenant)
        base = f"https://{AUTHORITY_HOST}/{tenant}"
        return Answer(
            body={
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
                "response_types_supported": ["token"],
                "subject_types_supported": ["pairwise"],
            }
        )

    def _token(self, call: Call, tenant: str) -> Answer:
        form = dict(parse_qsl(call.raw.decode("utf-8", "replace")))
        app = self._known_tenant(tenant)
        if form.get("grant_type") != "client_credentials":
            raise EntraError(
                400, "unsupported_grant_type", 70003, "Only client_credentials is served locally."
            )
        _check_client(app, form)
        audience = _audience(form.get("scope", ""))
        token = self._tokens.issue(audience, app.object_id)
        life = TOKEN_LIFE_SECONDS
        body = {"token_type": "Bearer", "expires_in": life, "ext_expires_in": life, "access_token": token}
        return Answer(body=body, headers={"Cache-Control": "no-store"})

    def _known_tenant(self, tenant: str) -> Application:
        app = application(self._store)
        if app is None or tenant.lower() != app.tenant_id:
            raise EntraError(
                400, "invalid_tenant", 90002, f"Tenant '{tenant}' is not the local cloud's tenant."
            )
        return app


def _check_client(app: Application, form: Mapping[str, str]) -> None:
    client = form.get("client_id", "")
    if not hmac.compare_digest(client.lower().encode(), app.client_id.encode()):
        message = f"Application '{client}' was not found in tenant {app.tenant_id}."
        raise EntraError(400, "unauthorized_client", 700016, message)
    if not hmac.compare_digest(_hash(form.get("client_secret", "")), app.secret_hash):
        raise EntraError(401, "invalid_client", 7000215, "Invalid client secret provided; see azure.env.")


def _audience(scope: str) -> str:
    wanted = [it for it in scope.split() if it.endswith("/.default")]
    resource = wanted[0].removesuffix("/.default").rstrip("/") if wanted else ""
    if resource not in _AUDIENCES:
        served = ", ".join(f"{it}/.default" for it in (ARM, DPS, HUB, STORAGE))
        raise EntraError(
            400, "invalid_scope", 70011, f"Scope '{scope}' is not valid. Served locally: {served}."
        )
    return _AUDIENCES[resource]
