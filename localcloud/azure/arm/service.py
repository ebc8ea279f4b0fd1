"""management.azure.com: routes made from the table of resource types."""

from collections.abc import Mapping
from functools import partial

from localcloud.azure.arm.errors import ArmError
from localcloud.azure.arm.operations import Operations, Removal
from localcloud.azure.arm.resources import GlobalAction, ResourceType, World
from localcloud.azure.arm.types import BY_NAME, TYPES
from localcloud.azure.entra import ARM
from localcloud.azure.gate import Gate, UnauthorizedError
from localcloud.calls import (
    Answer,
    BadBodyError,
    Call,
    Handler,
    NoRouteError,
    Route,
    dispatch,
    route,
)

_CODES = {404: "NotFound", 405: "MethodNotAllowed", 413: "RequestEntityTooLarge", 500: "InternalServerError"}


class ArmService:
    """The ARM surface. `types` is the table it is driven by."""

    def __init__(self, world: World, gate: Gate, types: Mapping[str, ResourceType] = BY_NAME) -> None:
        self._world = world
        self._gate = gate
        removal = Removal(world, types)
        self._routes = [
            it for of in types.values() for it in _routes(world, of, Operations(world, of, removal))
        ]

    def answer(self, call: Call) -> Answer:
        """The response; refusals are answers too."""
        try:
            self._gate.admit_bearer(call, ARM)
            return dispatch(self._routes, call)
        except ArmError as refused:
            return Answer(refused.status, refused.body())
        except UnauthorizedError as refused:
            return _unauthorized(str(refused))
        except BadBodyError as bad:
            return Answer(400, ArmError(400, "InvalidRequestContent", str(bad)).body())
        except NoRouteError as missing:
            return self.fault(missing.status, str(missing))

    def fault(self, status: int, message: str) -> Answer:
        """An error outside the resource types."""
        return Answer(status, ArmError(status, _CODES.get(status, "BadRequest"), message).body())


def _unauthorized(why: str) -> Answer:
    error = ArmError(401, "AuthenticationFailed", f"Authentication failed: {why}.")
    return Answer(401, error.body(), {"WWW-Authenticate": 'Bearer error="invalid_token"'})


def _routes(world: World, of: ResourceType, does: Operations) -> list[Route]:
    single: list[tuple[str, Handler]] = [
        ("PUT", does.put),
        ("GET", does.get),
        ("HEAD", does.head),
        ("DELETE", does.delete),
    ]
    if of.tagged:
        single.append(("PATCH", does.patch))
    found = [route(method, of.path, _versioned(of, handler)) for method, handler in single]
    if of.collection != of.listed_below:
        found.append(route("GET", of.collection, _versioned(of, does.list_siblings)))
    if of.listed_below:
        found.append(route("GET", of.listed_below, _versioned(of, does.list_all)))
    for template, action in of.actions.items():
        found.append(route("POST", f"{of.path}/{template}", _versioned(of, partial(does.act, action))))
    for template, check in of.subscription_actions.items():
        found.append(route("POST", template, _versioned(of, _anywhere(world, check))))
    return found


def _versioned(of: ResourceType, handler: Handler) -> Handler:
    """Check api-version before the handler sees the call."""

    def answer(call: Call, **names: str) -> Answer:
        version = call.query.get("api-version")
        if not version:
            message = "The api-version query parameter (?api-version=) is required for all requests."
            raise ArmError(400, "MissingApiVersionParameter", message)
        if version not in of.versions:
            served = ", ".join(of.versions)
            message = f"API version '{version}' is not served for type '{of.type}'. Served are '{served}'."
            raise ArmError(400, "NoRegisteredProviderFound", message)
        return handler(call, **names)

    return answer


def _anywhere(world: World, check: GlobalAction) -> Handler:
    return lambda call, **_names: check(world, call)


__all__ = ["TYPES", "ArmService"]
