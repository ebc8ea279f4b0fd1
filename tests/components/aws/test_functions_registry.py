"""What the functions read of the registry: all of it, however many pages AWS makes of that."""

from typing import Any

from components.aws.functions import registry


class Paged:
    """A registry that tells of one certificate a page."""

    exceptions: Any = None

    def __init__(self, *principals: str) -> None:
        self._principals = principals

    def __getattr__(self, operation: str) -> Any:
        raise AssertionError(f"nobody asks for {operation}")

    def describe_thing(self, **_asked: str) -> dict[str, Any]:
        return {"thingTypeName": "coldchain-vans"}

    def list_thing_principals(self, nextToken: str = "0", **_asked: str) -> dict[str, Any]:  # noqa: N803
        at = int(nextToken)
        more = {"nextToken": str(at + 1)} if at + 1 < len(self._principals) else {}
        return {"principals": list(self._principals[at : at + 1]), **more}


def test_every_certificate_of_a_thing_is_found() -> None:
    for principals in ((), ("a",), ("a", "b", "c")):
        found = registry.thing(Paged(*principals), "van-1")
        assert found is not None
        assert found.principals == principals
