"""ministack as a child process: IAM, STS, Lambda, queues, streams: what stands around AWS IoT (ADR 0010).

It listens on a UNIX socket in a folder of its own (0700), so nobody reaches it but through the front, which
checks signatures: ministack takes any signature of a root key. It starts with the first call that needs it,
starts anew when it has died, and ends with this process, however that comes (`ministack_process`). While a
call waits it is asked whether it lives: one that does not answer that either is killed, so that the next call
starts it anew.
"""

import asyncio
import json
import logging
import os
import shutil
import signal
import socket
import tempfile
import time
from pathlib import Path

import psutil
from aiohttp import ClientError, ClientSession, ClientTimeout, UnixConnector
from yarl import URL

from localcloud.aws import ministack_process
from localcloud.aws.api import ApiError
from localcloud.aws.place import Place
from localcloud.calls import Answer, Call
from localcloud.errors import StateError

LOG = logging.getLogger("localcloud.aws")
PYTHON = Path(__file__).parents[2] / ".tools" / "aws" / "bin" / "python"
SERVICES = (
    "iam,sts,lambda,sqs,sns,s3,kinesis,firehose,dynamodb,ssm,logs,monitoring,kms,secretsmanager,events,"
    "acm,signer"
)
START_SECONDS = 60.0
END_SECONDS = 10.0
ANSWER_SECONDS = 120.0
PATIENCE_SECONDS = 10.0  # without an answer, before it is asked whether it lives
HEALTH_SECONDS = 20.0
POLL_SECONDS = 0.05
_HEALTH = b"GET /_ministack/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_SAME_START_SECONDS = 1.0
_NOT_FORWARDED = {"content-length", "transfer-encoding", "connection", "expect", "keep-alive"}


class Ministack:
    """The process, and requests to it. `root_key` is the id of the key that it takes for the root's."""

    def __init__(self, place: Place, folder: Path, proxy: str, root_key: str) -> None:
        self._place = place
        self._folder = folder / "aws"
        self._trust = folder / "tls-ca.pem"
        self._proxy = proxy
        self._root_key = root_key
        self._starting = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._session: ClientSession | None = None
        self._home: Path | None = None

    async def start(self) -> None:
        """End what an earlier local cloud left, should it live still."""
        await asyncio.to_thread(self._end_stray)

    async def stop(self) -> None:
        """End it in order, so that it saves its state, and all that it started."""
        async with self._starting:
            await self._stop()

    async def forward(self, call: Call) -> Answer:
        """Its answer to a request that was let in. Raises ApiError when it gives none."""
        session = await self._ready()
        asking = asyncio.ensure_future(_ask(session, call))
        try:
            while not (await asyncio.wait((asking,), timeout=PATIENCE_SECONDS))[0]:
                await self._end_if_hung()
            return await asking
        except (ClientError, TimeoutError, OSError) as error:
            raise ApiError("ServiceUnavailableException", self._lost(error), 503) from error
        finally:
            asking.cancel()

    @property
    def pid(self) -> int | None:
        """The process' id while it runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    # the process

    async def _ready(self) -> ClientSession:
        async with self._starting:
            if self._session is None or self.pid is None:
                await self._stop()
                await self._spawn()
            assert self._session is not None, "made with the process"
            return self._session

    async def _spawn(self) -> None:
        if not PYTHON.exists():
            words = f"The emulator of AWS' other services is not installed ({PYTHON}): `make setup` does it."
            raise ApiError("ServiceUnavailableException", words, 503)
        self._home = Path(tempfile.mkdtemp(prefix="muster-aws-"))
        address = self._home / "socket"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
            listening.bind(str(address))
            listening.listen(128)
            self._process = await self._run(self._home, listening.fileno())
        self._remember(self._process.pid, self._home)
        timeout = ClientTimeout(total=ANSWER_SECONDS)
        connector = UnixConnector(str(address), limit=32)
        self._session = ClientSession(connector=connector, timeout=timeout, auto_decompress=False)
        await self._greet(self._session, self._process)
        LOG.info("emulator started", extra={"fields": {"pid": self._process.pid}})

    async def _run(self, home: Path, descriptor: int) -> asyncio.subprocess.Process:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = os.open(self._folder / "emulator.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(log, "wb") as out:
            return await asyncio.create_subprocess_exec(
                *(PYTHON, "-I", ministack_process.__file__, str(descriptor)),
                cwd=home,
                env=self._environment(home),
                stdin=asyncio.subprocess.PIPE,
                stdout=out,
                stderr=out,
                pass_fds=(descriptor,),
                start_new_session=True,
            )

    def _environment(self, home: Path) -> dict[str, str]:
        """All that it gets. Functions inherit it: their SDK finds production's names through our proxy."""
        account, region = self._place.account, self._place.region
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(home),
            "TMPDIR": str(home),
            "LANG": "C.UTF-8",
            "LOG_LEVEL": "WARNING",
            "AUTH": "true",
            "SERVICES": SERVICES,
            "MINISTACK_ACCOUNT_ID": account,
            "MINISTACK_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ACCESS_KEY_ID": self._root_key,
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self._folder / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self._folder / "s3"),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LAMBDA_EXECUTOR": "local",
            "DOCKER_HOST": f"unix://{home}/no-docker",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
            "HTTPS_PROXY": self._proxy,
            "AWS_CA_BUNDLE": str(self._trust.absolute()),
            "SSL_CERT_FILE": str(self._trust.absolute()),
        }

    async def _greet(self, session: ClientSession, process: asyncio.subprocess.Process) -> None:
        """Wait until it answers. Raises ApiError."""
        asking = asyncio.ensure_future(session.get("http://localhost/_ministack/health"))
        ending = asyncio.ensure_future(process.wait())
        done, _ = await asyncio.wait(
            (asking, ending), timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        ending.cancel()
        if asking in done and not asking.exception():
            asking.result().release()
            return
        asking.cancel()
        await self._stop()
        words = (
            f"The emulator of AWS' other services did not start: {self._folder / 'emulator.log'} tells why."
        )
        raise ApiError("ServiceUnavailableException", words, 503)

    async def _end_if_hung(self) -> None:
        """Kill a process that answers nothing any more; what waits for it fails then."""
        process, home = self._process, self._home
        if process is None or home is None or await _is_alive(home / "socket"):
            return
        if process.returncode is None:
            LOG.error("emulator hangs, and is ended", extra={"fields": {"pid": process.pid}})
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

    async def _stop(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
        process, self._process = self._process, None
        if process is not None:
            await _end(process)
        if self._home is not None:
            await asyncio.to_thread(shutil.rmtree, self._home, ignore_errors=True)
            self._home = None
            (self._folder / "emulator.json").unlink(missing_ok=True)

    def _lost(self, error: BaseException) -> str:
        log = self._folder / "emulator.log"
        if self.pid is None:
            return f"The emulator of AWS' other services has ended ({log}); the next call starts it."
        return f"The emulator of AWS' other services did not answer ({type(error).__name__}; {log})."

    # strays

    def _remember(self, pid: int, home: Path) -> None:
        try:
            created = psutil.Process(pid).create_time()
        except psutil.NoSuchProcess:
            return  # it has ended: `_greet` says so, and there is nothing that could stray
        record = {"pid": pid, "created": created, "home": str(home)}
        (self._folder / "emulator.json").write_text(json.dumps(record))

    def _end_stray(self) -> None:
        """What an earlier local cloud left ends by itself; what hangs is killed here."""
        path = self._folder / "emulator.json"
        if not path.exists():
            return
        record = json.loads(path.read_text())
        pid, created = record["pid"], record["created"]
        if not _has_ended(pid, created):
            os.killpg(pid, signal.SIGKILL)
            if not _has_ended(pid, created):
                raise StateError(
                    f"process {pid}, an emulator of an earlier local cloud, does not end: end it"
                )
        shutil.rmtree(record["home"], ignore_errors=True)
        path.unlink()


async def _ask(session: ClientSession, call: Call) -> Answer:
    """The request, and the answer as it comes."""
    headers = {name: it for name, it in call.headers.items() if name not in _NOT_FORWARDED}
    query = f"?{call.raw_query}" if call.raw_query else ""
    url = URL(f"http://{call.host}{call.path}{query}", encoded=True)
    asked = session.request(call.method, url, headers=headers, data=call.raw, allow_redirects=False)
    async with asked as response:
        kept = {name.lower(): it for name, it in response.headers.items()}
        length = kept.get("content-length")
        kept = {name: it for name, it in kept.items() if name not in _NOT_FORWARDED}
        if call.method == "HEAD" and length:
            kept["content-length"] = length
        return Answer(response.status, await response.read() or None, kept)


async def _is_alive(address: Path) -> bool:
    """Whether it answers on a connection of its own: all others may be taken by functions that run long."""
    try:
        async with asyncio.timeout(HEALTH_SECONDS):
            reader, writer = await asyncio.open_unix_connection(address)
            try:
                writer.write(_HEALTH)
                return bool(await reader.readline())
            finally:
                writer.close()
    except (TimeoutError, OSError):
        return False


def _has_ended(pid: int, created: float) -> bool:
    """Whether the process that was made then has ended, after some time that it is given."""
    end = time.monotonic() + END_SECONDS
    while _runs(pid, created):
        if time.monotonic() > end:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _runs(pid: int, created: float) -> bool:
    """Whether the process with this id runs and is the one that was made then. A zombie does not run."""
    try:
        found = psutil.Process(pid)
        same = abs(found.create_time() - created) < _SAME_START_SECONDS
        return same and found.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), END_SECONDS)
    except TimeoutError:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
