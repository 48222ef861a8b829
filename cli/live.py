"""Takes up changed keys, aliases and tokens while the gateway runs: in Envoy, which checks keys, and in each core.

Law: what the settings or one core refuse, Envoy does not take up either.
"""

import asyncio
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from cli import direct
from cli.child import Child
from cli.crew import Crew
from cli.journal import Fields, Journal
from cli.places import Place
from edge.envoy import render
from services.live.core import REFUSED, RELOADED
from services.live.succession import Outcome, compared, files, reread, taken_up
from services.live.watch import Watched
from services.settings import BadSetting, Settings

_PATIENCE: Final = 5.0
"""Seconds that a core may take to say what came of its reload."""


class Reloading:
    """Knows what the gateway goes by now."""

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
        *,
        folder: Path,
        journal: Journal,
        crew: Crew,
        cores: Sequence[Place],
    ) -> None:
        self._settings = settings
        self._environ = environ
        self._folder = folder
        self._journal = journal
        self._crew = crew
        self._cores = cores
        self._answers: dict[str, asyncio.Future[Outcome]] = {}
        self._one_at_a_time = asyncio.Lock()

    async def reload(self) -> Outcome:
        """Reads everything anew, asks each core to do so, and returns when all have answered. Logs what came of it."""
        async with self._one_at_a_time:
            try:
                now = reread(self._settings, self._environ)
            except BadSetting as error:
                outcome = Outcome(refused=str(error))
            else:
                outcome = compared(self._settings, now)
                for answer in await asyncio.gather(*map(self._ask, self._crew.at(self._cores))):
                    outcome = outcome.and_also(answer)
                outcome = outcome if outcome.refused else self._take_up(now, outcome)
            self._tell(outcome)
            return outcome

    async def watch(self) -> None:
        """Looks at the files until it is cancelled. The cores look for themselves; what is told here is for Envoy."""
        await Watched(files(self._environ)).run(self._follow_files)

    def hear(self, core: str, line: Fields) -> None:
        """What a core has logged, which may be its answer."""
        answer = self._answers.get(core)
        if answer is None or answer.done():
            return
        if line.get("message") == RELOADED:
            answer.set_result(Outcome(changed=_words(line.get("changed")), needs_restart=_words(line.get("needs_restart"))))
        elif line.get("message") == REFUSED:
            answer.set_result(Outcome(refused=str(line.get("why"))))

    async def _ask(self, core: Child) -> Outcome:
        name = core.part.name
        self._answers[name] = asyncio.get_running_loop().create_future()
        try:
            if not core.tell(signal.SIGHUP):
                return Outcome()  # it is being started again, and reads everything then
            async with asyncio.timeout(_PATIENCE):
                return await self._answers[name]
        except TimeoutError:
            return Outcome(refused=f"{name} did not answer within {_PATIENCE:.0f} s: ask again when it has started")
        finally:
            del self._answers[name]

    def _follow_files(self) -> None:
        if self._one_at_a_time.locked():
            return  # someone has asked, and reads the same files
        try:
            now = reread(self._settings, self._environ)
        except BadSetting as error:
            self._tell(Outcome(refused=str(error)))
            return
        outcome = compared(self._settings, now)
        if outcome.changed:
            self._tell(self._take_up(now, outcome))

    def _take_up(self, now: Settings, outcome: Outcome) -> Outcome:
        try:
            direct.check(now)
        except BadSetting as error:
            return Outcome(refused=str(error))
        if now.api_keys != self._settings.api_keys:
            try:
                render.write_keys(self._folder, now.api_keys)
            except OSError as error:
                return Outcome(refused=f"Envoy's keys cannot be written to {self._folder} ({error.strerror}): make room there")
        if now.model_aliases != self._settings.model_aliases:
            try:
                direct.reroute(self._folder, now)
            except OSError as error:
                return Outcome(refused=f"Envoy's routes cannot be written to {self._folder} ({error.strerror}): make room there")
        self._settings = taken_up(self._settings, now)
        return outcome

    def _tell(self, outcome: Outcome) -> None:
        if outcome.refused:
            self._journal.say("error", REFUSED, why=outcome.refused)
        else:
            self._journal.say("info", RELOADED, changed=outcome.changed, needs_restart=outcome.needs_restart)


def _words(listed: object) -> tuple[str, ...]:
    return tuple(map(str, listed)) if isinstance(listed, list) else ()
