"""checkNameAvailability, and the clash of names that are unique over all of Azure."""

from collections.abc import Callable

from localcloud.azure.arm.errors import ArmError, invalid
from localcloud.azure.arm.resources import GlobalAction, NameRule, World
from localcloud.azure.shapes import Fault, Member, Scalar, Shape
from localcloud.calls import Answer, Call
from localcloud.store import Document

_INPUT = Shape("OperationInputs", {"name": Member(Scalar("str"), required=True)})
Finder = Callable[[World, str], Document | None]


def check_availability(rule: NameRule, find: Finder) -> GlobalAction:
    """The POST action of a type whose names are global."""

    def answer(world: World, call: Call) -> Answer:
        faults: list[Fault] = []
        body = _INPUT.check(call.document(), "", faults)
        if faults:
            raise invalid(faults)
        return Answer(body=_verdict(body["name"], rule, find(world, body["name"]) is not None))

    return answer


def refuse_taken(name: str, resource_id: str, found: Document | None) -> None:
    """ArmError 409 when another resource bears this global name. The code of the real service is not
    published.
    """
    if found is not None and found["id"].lower() != resource_id.lower():
        raise ArmError(
            409, "NameNotAvailable", f"The name '{name}' is taken by {found['id']}; choose another name."
        )


def _verdict(name: str, rule: NameRule, taken: bool) -> dict[str, object]:
    if not rule.pattern.fullmatch(name):
        return {"nameAvailable": False, "reason": "Invalid", "message": f"A name has {rule.words}."}
    if taken:
        return {"nameAvailable": False, "reason": "AlreadyExists", "message": f"The name '{name}' is taken."}
    return {"nameAvailable": True}
