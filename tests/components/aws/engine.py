"""What an engine is asked to register by components of AWS, with answers as AWS gives them."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi.runtime import mocks, rpc

from components.aws.place import Place

PLACE = Place("coldchain", "prod", "eu-west-1", "111122223333")
IOT = "arn:aws:iot:eu-west-1:111122223333"
BY_PATH = "aws:ssm/getParametersByPath:getParametersByPath"


@dataclass(frozen=True)
class Declared:
    """One resource as it was asked for."""

    token: str
    name: str
    urn: str
    parent: str
    inputs: dict[str, Any]
    depends_on: frozenset[str]

    def document(self, key: str) -> list[dict[str, Any]]:
        """The statements of a policy."""
        return list(json.loads(self.inputs[key])["Statement"])


@dataclass
class Engine:
    """All that was declared, and what was asked of AWS."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    resources: list[Declared] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    refusal: str = ""

    def of(self, token: str) -> list[Declared]:
        """The resources of a type by name."""
        found = [each for each in self.resources if each.token == token]
        return sorted(found, key=lambda each: each.name)

    def one(self, token: str) -> Declared:
        """The only one of a type."""
        (found,) = self.of(token)
        return found

    def named(self, name: str) -> Declared:
        """The only one of a name."""
        (found,) = [each for each in self.resources if each.name == name]
        return found

    def allowed(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every statement of a policy of a role or of devices that allows something, and whose it is."""
        for each in self.resources:
            if each.token in ("aws:iam/rolePolicy:RolePolicy", "aws:iot/policy:Policy"):
                for statement in each.document("policy"):
                    if statement["Effect"] == "Allow":
                        yield each.name, statement


class _Cloud(mocks.Mocks):
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        assert args.token == BY_PATH, args.token
        self._engine.asked.append(args.args["path"])
        if self._engine.refusal:
            return {}, [("", self._engine.refusal)]
        found = self._engine.parameters
        answer = {"names": [*found], "values": [*found.values()], "types": [], "arns": [], "id": "x"}
        return {**args.args, **answer}, []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        made = args.inputs
        named = made.get("name") or args.name
        answers = {
            "aws:iam/role:Role": {"arn": f"arn:aws:iam::111122223333:role/{named}"},
            "aws:iot/roleAlias:RoleAlias": {"arn": f"{IOT}:rolealias/{made.get('alias')}"},
            "aws:iot/thingGroup:ThingGroup": {"arn": f"{IOT}:thinggroup/{named}"},
            "aws:sns/topic:Topic": {"arn": f"arn:aws:sns:eu-west-1:111122223333:{named}"},
            "aws:sqs/queue:Queue": {
                "arn": f"arn:aws:sqs:eu-west-1:111122223333:{named}",
                "url": f"https://sqs.eu-west-1.amazonaws.com/111122223333/{named}",
            },
            "aws:kinesis/stream:Stream": {"arn": f"arn:aws:kinesis:eu-west-1:111122223333:stream/{named}"},
            "aws:iot/domainConfiguration:DomainConfiguration": {
                "domainName": made.get("domainName") or "abc-ats.iot.eu-west-1.amazonaws.com"
            },
        }
        return f"id-of-{args.name}", {**made, "name": named, **answers.get(args.typ, {})}


class _Monitor(mocks.MockMonitor):
    def __init__(self, engine: Engine) -> None:
        super().__init__(_Cloud(engine))
        self._engine = engine

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 (the engine's name for it)
        answer = super().RegisterResource(request)  # type: ignore[no-untyped-call]  # pulumi's
        inputs = rpc.deserialize_properties(request.object, keep_unknowns=True)
        declared = Declared(
            request.type, request.name, answer.urn, request.parent, inputs, frozenset(request.dependencies)
        )
        if request.type != "pulumi:pulumi:Stack":
            self._engine.resources.append(declared)
        return answer


def run(
    declare: Callable[[], object], parameters: Mapping[str, str] | None = None, refusal: str = ""
) -> Engine:
    """What `declare` declares, in an account with these SSM parameters, or one that lets nobody read them."""
    engine = Engine(parameters or {}, refusal=refusal)
    mocks.set_mocks(_Cloud(engine), project="muster", stack="prod", preview=False, monitor=_Monitor(engine))

    def program() -> pulumi.Output[object]:
        declare()
        return pulumi.Output.from_input(None)

    awaited: Callable[[], None] = mocks.test(program)  # type: ignore[no-untyped-call]  # pulumi's
    awaited()
    return engine
