"""Opens the core's door: a unix socket that only this user can use, or a port."""

import os
import socket
import stat
from pathlib import Path

import grpc.aio


class CannotListen(Exception):
    """The address is not to be had; the text says why and what to do."""


def listen(server: grpc.aio.Server, address: str) -> str:
    """Binds `address` ("unix:/abs/path" or "host:port"). Returns the target that reaches it, with the true port for port 0.

    Raises CannotListen.
    """
    if address.startswith("unix:"):
        return _on_socket(server, Path(address.removeprefix("unix:")))
    host, _, _ = address.rpartition(":")
    return f"{host}:{_bound(server, address)}"


def _on_socket(server: grpc.aio.Server, path: Path) -> str:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make_way(path)
        # The mask is the process's own: nothing else runs between these lines, since the loop has not begun to serve.
        before = os.umask(0o177)
        try:
            _bound(server, f"unix:{path}")
        finally:
            os.umask(before)
    except OSError as error:
        raise CannotListen(f"cannot listen at {path}: {error.strerror}; set CLI2API_CORE_LISTEN or CLI2API_STATE_DIR") from error
    return f"unix:{path}"


def _make_way(path: Path) -> None:
    """Removes the socket of a core that is gone. Raises CannotListen where one answers, or where the path is something else."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise CannotListen(f"{path} is there and is no socket; remove it or set CLI2API_CORE_LISTEN")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
    raise CannotListen(f"another core listens at {path}; stop it, or set another CLI2API_STATE_DIR")


def _bound(server: grpc.aio.Server, address: str) -> int:
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise CannotListen(f"cannot listen at {address}; is another program using it? CLI2API_CORE_LISTEN sets it") from error
    return port
