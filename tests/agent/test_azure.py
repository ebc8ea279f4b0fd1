"""What the SDK raises, told apart: a refusal of this identity, or a cloud that is not there."""

import ssl

import pytest
from azure.iot.device import exceptions as sdk
from azure.iot.device.common import transport_exceptions as transport

from agent.azure import cloud_error
from agent.errors import RefusedError, UnavailableError


def _alert(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, f"[SSL: {reason}] (_ssl.c:1006)")
    error.reason = reason
    return error


def _caused(error: Exception, *causes: Exception) -> Exception:
    """`error`, raised from the first cause, which was raised from the second, and so on."""
    current = error
    for cause in causes:
        current.__cause__ = cause
        current = cause
    return error


REFUSALS = {
    "CONNACK 5": _caused(sdk.CredentialError("invalid"), transport.UnauthorizedError("not authorised")),
    "401 of DPS": _caused(
        sdk.ClientError("Unexpected failure"),
        sdk.ServiceError("register request returned a service error status code 401"),
    ),
    "failed": _caused(
        sdk.ClientError("Unexpected failure"),
        sdk.ServiceError(
            "Query Status operation returned a failed registration status with a status code of 200"
        ),
    ),
    "disabled": _caused(
        sdk.ClientError("Unexpected failure"),
        sdk.ServiceError(
            "Query Status Operation encountered an invalid registration status disabled with a status code "
            "of 200"
        ),
    ),
    "TLS alert": _caused(
        sdk.ConnectionFailedError("no"),
        transport.ConnectionFailedError(),
        _alert("SSLV3_ALERT_CERTIFICATE_EXPIRED"),
    ),
}

OUTAGES = {
    "no route": _caused(sdk.ConnectionFailedError("no"), OSError(113, "No route to host")),
    "dropped": sdk.ConnectionDroppedError("gone"),
    "slow": sdk.OperationTimeout("late"),
    "silent DPS": _caused(
        sdk.ClientError("Unexpected failure"),
        sdk.ServiceError("Operation timed out before provisioning service could respond for register"),
    ),
    "DPS at a loss": _caused(
        sdk.ClientError("Unexpected failure"),
        sdk.ServiceError(
            "Query Status Operation encountered an invalid registration status unassigned with a status "
            "code of 200"
        ),
    ),
    "a server we do not trust": _caused(
        sdk.ClientError("no"), transport.TlsExchangeAuthError(), _alert("CERTIFICATE_VERIFY_FAILED")
    ),
}


@pytest.mark.parametrize("error", REFUSALS.values(), ids=REFUSALS.keys())
def test_refusals(error: Exception) -> None:
    assert isinstance(cloud_error(error), RefusedError)


@pytest.mark.parametrize("error", OUTAGES.values(), ids=OUTAGES.keys())
def test_outages(error: Exception) -> None:
    assert isinstance(cloud_error(error), UnavailableError)


def test_the_reason_is_the_root_cause_on_one_line() -> None:
    error = _caused(sdk.ConnectionFailedError("Could not connect"), OSError(113, "No route\nto host"))
    assert str(cloud_error(error)) == "OSError: [Errno 113] No route to host"
    assert str(cloud_error(transport.ConnectionFailedError())) == "ConnectionFailedError"
