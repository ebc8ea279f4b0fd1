"""Whatever a PUT holds, ARM answers: checks look at bodies that failed their shape, so they must not trip."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localcloud.azure.arm.models import shape_of
from localcloud.azure.arm.resources import ResourceType
from localcloud.azure.arm.types import TYPES
from localcloud.azure.shapes import Choice, Kind, ListOf, MapOf, OneOf, Scalar, Shape

from .conftest import GROUP, LOCATION, Arm, hub_body, hub_id
from .test_every_type import _id

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 200)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_TEXTS = st.sampled_from(
    ["", "a", "/x", "events", "true", "PT1H", "10.0.0.0/8", "sb://a.servicebus.windows.net"]
)
_SCALARS = {"int": st.integers(-5, 200), "bool": st.booleans(), "float": st.floats(-5, 200)}


def values(kind: Kind, depth: int = 0) -> st.SearchStrategy[Any]:
    """What a property may hold, now and then something else."""
    if isinstance(kind, Scalar):
        right: st.SearchStrategy[Any] = _SCALARS.get(kind.name, _TEXTS)
    elif isinstance(kind, Choice):
        right = st.sampled_from(kind.values)
    elif depth > 4:
        return JSON
    elif isinstance(kind, ListOf):
        right = st.lists(_later(kind.item, depth + 1), max_size=2)
    elif isinstance(kind, MapOf):
        right = st.dictionaries(_TEXTS, _later(kind.item, depth + 1), max_size=2)
    elif isinstance(kind, OneOf):
        right = st.sampled_from(sorted(kind.shapes)).flatmap(lambda it: bodies(kind.shapes[it], depth + 1))
    else:
        right = bodies(kind, depth + 1)
    return st.one_of(right, right, right, JSON)


def _later(kind: Kind, depth: int) -> st.SearchStrategy[Any]:
    """Not before it is wanted: models hold each other."""
    return st.deferred(lambda: values(kind, depth))


def bodies(shape: Shape, depth: int = 0) -> st.SearchStrategy[Any]:
    """An object with some of a shape's properties."""
    members = {name: it for name, it in shape.members.items() if not it.read_only}
    optional = {name: _later(it.kind, depth) for name, it in members.items()}
    return st.fixed_dictionaries({}, optional=optional)


@pytest.fixture
def parents(arm: Arm) -> Arm:
    """What types of the table are below."""
    devices, located = f"{GROUP}/providers/Microsoft.Devices", {"location": LOCATION}
    sku = {"sku": {"name": "S1", "capacity": 1}, "properties": {}}
    arm.put(f"{devices}/IotHubs/parent", hub_body())
    arm.put(f"{devices}/provisioningServices/parent", located | sku)
    registry = f"{GROUP}/providers/Microsoft.DeviceRegistry/namespaces/parent"
    arm.put(registry, located, "2025-11-01-preview")
    arm.put(f"{registry}/credentials/default", located)
    for kind in ("EventHub", "ServiceBus"):
        name = f"parent-{kind}"
        arm.put(
            f"{GROUP}/providers/Microsoft.{kind}/namespaces/{name}", located | {"sku": {"name": "Standard"}}
        )
    account = located | {"kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    arm.put(f"{GROUP}/providers/Microsoft.Storage/storageAccounts/parent", account)
    space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
    arm.put(f"{GROUP}/providers/Microsoft.Network/virtualNetworks/parent", located | {"properties": space})
    return arm


def _place(kind: ResourceType) -> str:
    """Namespaces of one zone cannot both be named "parent"."""
    namespace = kind.type.partition("/")[0].removeprefix("Microsoft.")
    if namespace not in ("EventHub", "ServiceBus"):
        return _id(kind)
    return _id(kind).replace("namespaces/parent/", f"namespaces/parent-{namespace}/")


CASES = st.sampled_from(TYPES).flatmap(lambda it: st.tuples(st.just(it), bodies(shape_of(it.shape)) | JSON))


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(CASES)
def test_a_put_is_answered(parents: Arm, case: tuple[ResourceType, Any]) -> None:
    kind, body = case
    answer = parents.call("PUT", _place(kind), body, kind.versions[0])
    assert answer.status in (200, 201, 400, 404, 409, 412)
    json.dumps(answer.body)


def _hub_properties() -> Shape:
    hub = next(it for it in TYPES if it.type == "Microsoft.Devices/IotHubs")
    kind = shape_of(hub.shape).members["properties"].kind
    assert isinstance(kind, Shape)
    return kind


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(bodies(_hub_properties()))
def test_a_hubs_settings_are_answered(arm: Arm, properties: Any) -> None:
    answer = arm.call("PUT", hub_id(), hub_body() | {"properties": properties})
    assert answer.status in (200, 201, 400)
    if answer.status == 200:
        assert arm.get(hub_id())["properties"]["provisioningState"] == "Succeeded"
