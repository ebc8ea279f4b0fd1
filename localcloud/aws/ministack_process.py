"""The program in ministack's process: serves an inherited socket, keeps its state, ends with its starter.

It runs in `.tools/aws`, an environment of its own, so it imports nothing of ours. Other than in ministack's
own start are: it listens on the socket that it is given and nowhere else; it saves its state soon after every
change, where ministack saves at an orderly end only; when its stdin ends, it ends with all that it started;
requests count as come over TLS, which the front ended, since policies ask for that (`aws:SecureTransport`);
trust policies are evaluated with the source identity, and calls on what they name by `ResourceArn` or `Path`,
both of which ministack leaves out; and sessions that AWS IoT's credential provider made are told to it at
SESSIONS, a path that the front lets nobody else ask for.
"""

import asyncio
import contextlib
import contextvars
import dataclasses
import importlib
import json
import os
import signal
import sys
import threading
from typing import Any
from urllib.parse import parse_qs

SAVE_SECONDS = 1.0
SESSIONS = "/_muster/sessions"
_READING = ("GET", "HEAD", "OPTIONS")
_CLIENT = ("127.0.0.1", 0)
"""Whose requests these are: the front's, which listens on loopback only."""
_source_identity: contextvars.ContextVar[str | None] = contextvars.ContextVar("source_identity", default=None)


def main() -> None:
    """Serve until stdin ends. The only argument is the number of the socket's descriptor."""
    os.umask(0o077)
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    ministack = importlib.import_module("ministack.app")
    config = importlib.import_module("hypercorn.config").Config()
    config.bind = [f"fd://{int(sys.argv[1])}"]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    _evaluate_source_identities()
    _find_resources()
    _fill_in_variables()
    keeper = Keeper(ministack)
    try:
        asyncio.run(_serve(keeper, config))
    finally:
        os.killpg(0, signal.SIGKILL)  # functions that still run, and this process with them


async def _serve(keeper: "Keeper", config: Any) -> None:  # noqa: ANN401 - another environment's types
    saving = asyncio.get_running_loop().create_task(keeper.save_now_and_then())
    try:
        await importlib.import_module("hypercorn.asyncio").serve(keeper, config)
    finally:
        saving.cancel()


class Keeper:
    """ministack's ASGI application, watched for requests that may have changed something."""

    def __init__(self, ministack: Any) -> None:  # noqa: ANN401 - another environment's types
        self._ministack = ministack
        self._changed = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        """One request, or the application's life."""
        if scope["type"] == "http" and scope["path"] == SESSIONS:
            await _register_session(receive, send)
            return
        if scope["type"] == "http":
            scope = {**scope, "scheme": "https", "client": _CLIENT}
        await self._ministack.app(scope, receive, send)
        if scope["type"] == "http" and scope["method"] not in _READING:
            self._changed = True

    async def save_now_and_then(self) -> None:
        """Write what changed."""
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            if self._changed:
                self._changed = False
                self._ministack.save_all(self._ministack._build_persistence_save_dict())


async def _register_session(receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
    """A session as `sts.register_session` takes it, with its access key; answered with 204."""
    body, more = b"", True
    while more:
        part = await receive()
        body, more = body + part.get("body", b""), part.get("more_body", False)
    told = json.loads(body)
    importlib.import_module("ministack.services.sts").register_session(told["AccessKey"], told["Session"])
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def _evaluate_source_identities() -> None:
    """What AssumeRole is given as SourceIdentity is known to the conditions of the trust policy."""
    sts: Any = importlib.import_module("ministack.services.sts")
    evaluator: Any = importlib.import_module("ministack.core.iam_evaluator")
    handle, plain = sts.handle_request, evaluator.EvalContext

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:  # noqa: ANN401
        _source_identity.set(parse_qs(body.decode("utf-8", "replace")).get("SourceIdentity", [None])[0])
        return await handle(method, path, headers, body, query)

    def context(*args: Any, **values: Any) -> Any:  # noqa: ANN401 - another environment's types
        made = plain(*args, **values)
        if made.action.startswith("sts:") and (given := _source_identity.get()):
            made.service_context["sts:sourceidentity"] = given
        return made

    sts.handle_request, evaluator.EvalContext = handle_request, context


def _fill_in_variables() -> None:
    """Policies of sessions that AWS IoT made have their variables filled in (`${credentials-iot:…}`)."""
    sts: Any = importlib.import_module("ministack.services.sts")
    evaluator: Any = importlib.import_module("ministack.core.iam_evaluator")
    plain = evaluator.resolve_principal

    def resolve(access_key: str, *rest: Any) -> Any:  # noqa: ANN401 - another environment's types
        found = plain(access_key, *rest)
        variables = (sts._sessions.get(access_key) or {}).get("Variables")
        if variables and isinstance(found, evaluator.PrincipalInfo) and found.policies:
            found.policies = [[_filled(it, variables) for it in policy] for policy in found.policies]
            found.keys.update({name.lower(): value for name, value in variables.items()})
        return found

    evaluator.resolve_principal = resolve


def _filled(statement: Any, variables: dict[str, str]) -> Any:  # noqa: ANN401 - another environment's types
    """One parsed statement; a variable that has no value stays as it is written, and so matches nothing."""
    listed = {name: [*getattr(statement, name)] for name in ("resources", "not_resources")}
    for name, value in variables.items():
        spelt = f"${{{name}}}"
        listed = {kind: [it.replace(spelt, value) for it in held] for kind, held in listed.items()}
    return dataclasses.replace(statement, **listed)


def _find_resources() -> None:
    """A call is on the resource that it names ("Actions, resources, and condition keys"): in SSM a folder."""
    actions: Any = importlib.import_module("ministack.core.iam_actions")
    plain = actions.extract_resource_arn

    def extract(service: str, *call: Any) -> Any:  # noqa: ANN401 - another environment's types
        found = plain(service, *call)
        if found != "*":
            return found
        *_, body, query, region, account = call
        if service == "ssm" and (folder := actions._param(body, query, "Path")):
            return f"arn:aws:ssm:{region}:{account}:parameter{folder}"
        return actions._param(body, query, "ResourceArn") or found

    actions.extract_resource_arn = extract


def _end_with_stdin() -> None:
    """The local cloud is gone, however that came: an orderly end, which saves."""
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
