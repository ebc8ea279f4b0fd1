"""Whatever the service models take is answered as they say, or refused: no operation breaks on it."""

import asyncio
from random import Random
from typing import Any

import botocore.session
import pytest

from localcloud.aws.api import ApiError, Caller, Operation
from localcloud.aws.cloud import Aws
from localcloud.aws.model import BadRequest, Model
from localcloud.clock import Clock
from tests.localcloud.aws.control.any_request import Maker
from tests.localcloud.aws.control.around import Around

REQUESTS = 2500
Served = list[tuple[Model, str, Operation, Any]]


def _served(aws: Aws) -> Served:
    world, data = aws.world, aws.data_plane
    tables = {
        "iot": {**world.operations(), **data.operations()},
        "iot-jobs-data": world.jobs.executions.operations(),
        "iotsecuretunneling": world.tunnels.operations(),
    }
    session = botocore.session.get_session()
    shapes = {name: session.get_service_model(name) for name in tables}
    return [
        (Model.of(service), name, operation, shapes[service].operation_model(name).input_shape)
        for service, table in tables.items()
        for name, operation in sorted(table.items())
    ]


async def _asked(aws: Aws, maker: Maker, model: Model, name: str, operation: Operation, shape: Any) -> bool:
    """Whether it was answered."""
    params = maker.params(name, shape)
    caller = Caller(aws.place.account, aws.place.region, aws.account.root_arn())
    try:
        given = operation(caller, model.check(name, params).params)
        result = given if isinstance(given, dict) else await given
        model.write(name, result)
    except (ApiError, BadRequest):
        return False
    except Exception as defect:
        defect.add_note(f"{name} of {params}")
        raise
    maker.hear(result)
    return True


@pytest.mark.parametrize("seed", range(6))
def test_what_the_model_takes_is_answered_or_refused(
    aws: Aws, around: Around, clock: Clock, seed: int
) -> None:
    chance = Random(seed)
    around.add_role("provisioning", "*")
    around.objects["images", "a"] = b'{"x": "a"}\n'
    served, maker = _served(aws), Maker(chance)

    async def work() -> set[str]:
        answered = set()
        for number in range(REQUESTS):
            one = chance.choice(served)
            if await _asked(aws, maker, *one):
                answered.add(one[1])
            if number % 100 == 0:
                clock.advance(chance.choice((60, 3600, 90_000)))
                aws.tidy()
                await aws.world.background.settle()
        await aws.world.background.settle()
        return answered

    assert len(asyncio.run(work())) > len(served) / 3
