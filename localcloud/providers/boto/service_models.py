"""botocore's service models, loaded when first needed (0.1 s each)."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def model(service: str) -> Any:  # noqa: ANN401 - botocore has no types
    """The model of a service."""
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


@cache
def _operations(service: str) -> dict[str, str]:
    """The operations by the names of botocore's methods."""
    from botocore import xform_name

    return {xform_name(name): name for name in model(service).operation_names}


@cache
def parameters(service: str, operation: str) -> dict[str, Any]:
    """The shapes of an operation's parameters, by their names."""
    shape = model(service).operation_model(_operations(service)[operation]).input_shape
    return dict(shape.members) if shape is not None else {}
