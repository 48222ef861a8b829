"""A certificate authority of a test's own, by the machine's openssl."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

HERE = "DNS:localhost,IP:127.0.0.1"


@dataclass(frozen=True)
class Authority:
    """A certificate authority in a folder."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    async def begin(self) -> None:
        self.folder.mkdir(exist_ok=True)
        await openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"),
            *("-subj", "/CN=a test authority", "-keyout", str(self.folder / "ca.key"), "-out", str(self.ca)),
        )

    async def issue(self, name: str, *, names: str = HERE) -> tuple[Path, Path]:
        """A certificate for those names, and its key."""
        key, asked, made = (self.folder / f"{name}.{kind}" for kind in ("key", "csr", "pem"))
        await openssl(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}"),
            *("-addext", f"subjectAltName={names}", "-keyout", str(key), "-out", str(asked)),
        )
        await openssl(
            *("x509", "-req", "-in", str(asked), "-CA", str(self.ca), "-CAkey", str(self.folder / "ca.key")),
            *("-CAcreateserial", "-days", "2", "-copy_extensions", "copy", "-out", str(made)),
        )
        key.chmod(0o600)
        return made, key


async def openssl(*words: str) -> None:
    process = await asyncio.create_subprocess_exec("openssl", *words, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    assert process.returncode == 0, said
