"""All parts of one gateway, by name: started together, each kept alive by itself, ended together."""

import asyncio
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from cli.child import Child
from cli.journal import Fields, Journal
from cli.parts import Part
from cli.places import Place


class Crew:
    """`heard` gets the name of a part and the fields of each line that it logs."""

    def __init__(self, *, journal: Journal, heard: Callable[[str, Fields], None]) -> None:
        self.children: dict[str, Child] = {}
        """Empty until `start`."""
        self.keeping: set[asyncio.Task[None]] = set()
        """One for each child; one that ends with StartFailed says that the gateway cannot start."""
        self._journal = journal
        self._heard = heard

    def start(self, parts: Iterable[Part]) -> None:
        """Begins to keep each of them."""
        for part in parts:
            child = Child(part, journal=self._journal, heard=partial(self._heard, part.name))
            self.children[part.name] = child
            self.keeping.add(asyncio.create_task(child.keep(), name=f"keep {part.name}"))

    def has_served(self) -> None:
        """From here on each is started again, whatever it dies of."""
        for child in self.children.values():
            child.has_served()

    @property
    def pids(self) -> Mapping[str, int]:
        """Of those that run now."""
        return {name: child.pid for name, child in self.children.items() if child.pid is not None}

    def at(self, places: Iterable[Place]) -> Sequence[Child]:
        """Those that serve there."""
        return [self.children[each.name] for each in places]

    async def end(self) -> None:
        """Nothing is left running."""
        for child in self.children.values():
            child.retire(signal.SIGKILL)
        await asyncio.gather(*self.keeping, return_exceptions=True)
