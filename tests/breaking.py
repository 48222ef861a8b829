"""Holds the contract against main's: `python -m tests.breaking`. What a caller relies on is never taken away within v1."""

import shutil
import subprocess
import sys
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
REFS: Final = ("refs/heads/main", "refs/remotes/origin/main")
"""Where main is: in a checkout of it, and in a clone of another branch."""


def against(root: Path = ROOT) -> str:
    """The first of REFS that there is; empty in a copy without git, and in a clone that does not have main."""
    for ref in REFS:
        done = subprocess.run(
            ["git", "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}"], cwd=root, capture_output=True, check=False
        )
        if not done.returncode:
            return ref
    return ""


def complaint(ref: str, root: Path = ROOT) -> str:
    """What buf says of the working tree's protos beside those of `ref`; empty where nothing breaks."""
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(["git", "archive", ref, "proto"], cwd=root, capture_output=True, check=False)
        if packed.returncode:
            return f"git archive {ref} proto: {packed.stderr.decode()}"
        with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
            archive.extractall(folder, filter="data")
        # Both sides are read with the same rules and the same imported files, which are installed and not committed.
        shutil.copy(root / "buf.yaml", folder)
        shutil.copytree(root / "build", Path(folder, "build"), ignore=shutil.ignore_patterns("*node*"))
        buf = Path(sys.executable).with_name("buf")
        done = subprocess.run([buf, "breaking", "--against", folder], cwd=root, capture_output=True, text=True, check=False)
        return f"{done.stdout}{done.stderr}".rstrip() if done.returncode else ""


def main() -> int:
    """Answers 1 where something breaks; says so where there is nothing to compare with."""
    ref = against()
    if not ref:
        print("there is no branch main here to compare the contract with: nothing was compared")
        return 0
    found = complaint(ref)
    if found:
        print(f"{found}\nThis breaks callers of the contract on {ref}; proto/README.md says how a change is made.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
