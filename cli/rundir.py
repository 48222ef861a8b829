"""The folder of one running gateway: sockets, Envoy's files and the lock, inside the state directory and for its owner only."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from cli.errors import StartFailed


@contextmanager
def taken(state_dir: Path) -> Iterator[Path]:
    """Takes `<state_dir>/run` for this process alone; the lock ends with the process, however that ends.

    Raises StartFailed where another gateway has it, or where it cannot be written.
    """
    run = state_dir / "run"
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        run.mkdir(mode=0o700, exist_ok=True)
        run.chmod(0o700)
        lock = filelock.FileLock(run / "lock", timeout=0, mode=0o600).acquire()
    except filelock.Timeout as error:
        raise StartFailed(f"another gateway runs on {state_dir}: stop it, or set CLI2API_STATE_DIR to another folder") from error
    except OSError as error:
        raise StartFailed(
            f"CLI2API_STATE_DIR is {state_dir}, which cannot be used ({error.strerror}): set another folder"
        ) from error
    with lock:
        yield run
