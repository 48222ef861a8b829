"""One part, kept alive: started, listened to, started again when it dies. Law: it never outlives this process."""

import asyncio
import ctypes
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import aclosing
from itertools import groupby
from typing import Final, cast

from cli.errors import StartFailed
from cli.journal import Fields, Journal
from cli.parts import Part, manner, next_delay

_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG: Final = 1
_LONGEST_LINE: Final = 1 << 20
"""Bytes; a part that never ends its line is cut here."""
_NEVER_STARTED: Final = 127


class Child:
    """A part and its process. `heard` gets the fields of every line that the part logs."""

    def __init__(self, part: Part, *, journal: Journal, heard: Callable[[Fields], None] = lambda _: None) -> None:
        self.part = part
        self.gone = asyncio.Event()
        """Set when it was retired and has ended."""
        self.restarts = 0
        """How often it died and was started again."""
        self._journal = journal
        self._heard = heard
        self._process: Process | None = None
        self._retired = asyncio.Event()
        self._last_signal = signal.SIGTERM
        self._has_served = False
        self._last_words = ""

    @property
    def pid(self) -> int | None:
        """Of its process; None while there is none."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    def has_served(self) -> None:
        """From here on it is started again whatever it dies of; before, an exit with an error means that it cannot start."""
        self._has_served = True

    def tell(self, number: signal.Signals) -> bool:
        """Sends it a signal; False where it does not run now."""
        if self._process is None or self._process.returncode is not None:
            return False
        self._process.send_signal(number)
        return True

    def retire(self, with_signal: signal.Signals) -> None:
        """It is to end now and not to be started again."""
        self._last_signal = with_signal
        self._retired.set()
        self.tell(with_signal)

    async def keep(self) -> None:
        """Returns when it was retired and has ended. Raises StartFailed where it ends with an error before it ever served."""
        delay = 0.0
        clock = asyncio.get_running_loop().time
        try:
            while not self._retired.is_set():
                began = clock()
                returncode = await self._live()
                if self._retired.is_set():
                    return
                if returncode > 0 and not self._has_served:
                    raise self._start_failed(returncode)
                self.restarts += 1
                delay = next_delay(delay, lived=clock() - began)
                self._journal.say(
                    "error",
                    f"{self.part.name} died and is started again",
                    part=self.part.name,
                    how=manner(returncode),
                    after=delay,
                )
                await self._rest(delay)
        finally:
            self.gone.set()

    async def _live(self) -> int:
        """One life of the process; returns its exit code, negative for a signal."""
        try:
            # A process group of its own: Ctrl-C at the terminal is for the supervisor, which then ends each in order.
            self._process = await asyncio.create_subprocess_exec(
                *self.part.argv,
                env=dict(self.part.environ),
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=STDOUT,
                process_group=0,
                preexec_fn=_prepared(os.getpid()),
            )
        except OSError as error:
            self._last_words = f"{self.part.argv[0]} cannot be started: {error.strerror}"
            self._journal.say("error", self._last_words, part=self.part.name)
            return _NEVER_STARTED
        try:
            if self._retired.is_set():  # while it was being started
                self._process.send_signal(self._last_signal)
            output = cast("asyncio.StreamReader", self._process.stdout)  # a PIPE was asked for
            async with aclosing(_lines(output)) as batches:
                async for lines in batches:
                    for utterance in utterances(lines):
                        self._listen(utterance)
            return await self._process.wait()
        finally:
            if self._process.returncode is None:
                self._process.kill()
                await self._process.wait()

    def _listen(self, utterance: bytes) -> None:
        fields = self._journal.pass_on(utterance, part=self.part.name)
        self._last_words = str(fields.get("message", "")).rpartition("\n")[2]
        self._heard(fields)

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._retired.wait()
        except TimeoutError:
            return

    def _start_failed(self, returncode: int) -> StartFailed:
        if self._last_words:
            return StartFailed(self._last_words, is_said=True)
        return StartFailed(f"{self.part.name} ended with {manner(returncode)} before it served, and did not say why")


def utterances(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Each JSON line by itself; plain lines in a row, such as a traceback's, as one. Pure."""
    for is_json, said in groupby(lines, lambda line: line.startswith(b"{")):
        if is_json:
            yield from said
        elif block := b"\n".join(line for line in said if line.strip()):
            yield block


async def _lines(stream: asyncio.StreamReader) -> AsyncGenerator[list[bytes]]:
    """What came in at once, cut into lines without their ends."""
    rest = b""
    while chunk := await stream.read(1 << 16):
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            whole, rest = [*whole, rest], b""
        yield whole
    yield [rest]


def _prepared(parent: int) -> Callable[[], None]:
    """Run in the new process before its program: the kernel kills it when this process dies, be it by kill -9.

    SIGHUP asks for a reload, and must not kill what is too young to listen or has nothing to reload.
    """

    def prepare() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        if _LIBC is None:
            return
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return prepare
