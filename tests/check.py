"""Everything that is checked without running the product: `python -m tests.check`. Every step runs, so one run tells all."""

import filecmp
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
BIN: Final = Path(sys.executable).parent
SOURCES: Final = ("services", "edge", "cli", "simulator", "client", "docs", "examples", "tests")
NOT_OURS: Final = frozenset({".git", "build", "dist", "demo-output", "node_modules"})
MAX_LINES: Final = 300
TABLES: Final = re.compile(
    r"^services/catalog/rows/|_pb2(_grpc)?\.pyi?$|\.(lock|json|proto|svg)$|(^|/)LICENSE$|^docs/reference/|^envoy\.yaml$|/bootstrap\.yaml$|^docs/soak\.md$"
)
"""Files that may be long: rows of data, the contract, what a program writes, and Envoy's configuration."""
FORBIDDEN: Final = (
    (re.compile(r"(?<![\w.$}-])/(?:root|Users|work)/\w"), "the path of one machine; make it relative or a setting"),
    (
        re.compile(r"--(?:extra-)?index-url[ =]\S*://|https?://\S+\.(?:whl|tgz|tar\.gz)\b|https?://\S+/simple\b"),
        "a package registry's address",
    ),
    (re.compile(r"\b(?:TODO|FIXME|XXX)\b"), "a note to oneself; do it, or write it into the issue"),
    (re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE), "a merge conflict's mark"),
)


class StepFailed(Exception):
    """What a step has to say to whoever mends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One named check. `run` raises StepFailed with everything that is wrong."""

    name: str
    run: Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a step went, in seconds; `complaint` is empty where it passed."""

    name: str
    seconds: float
    complaint: str


def command(*argv: str | Path) -> Callable[[], None]:
    """A step that passes where the command exits with 0; a bare name of a tool is taken from this environment."""

    def run() -> None:
        program = Path(argv[0])
        path = BIN / program if (BIN / program).exists() else program
        done = subprocess.run([str(path), *map(str, argv[1:])], cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StepFailed(f"$ {' '.join(map(str, argv))}\n{done.stdout}{done.stderr}".rstrip())

    return run


def generated_code_is_in_sync() -> None:
    """Generates the protos' code anew beside the tree and compares it byte for byte."""
    with tempfile.TemporaryDirectory() as fresh:
        command("make", "--no-print-directory", "proto", f"OUT={fresh}")()
        made = {path.relative_to(fresh) for path in Path(fresh).rglob("*_pb2*")}
        kept = {
            path.relative_to(ROOT / "proto") for path in (ROOT / "proto").rglob("*_pb2*.py*") if path.suffix in {".py", ".pyi"}
        }
        _, stale, unreadable = filecmp.cmpfiles(fresh, ROOT / "proto", sorted(map(str, made & kept)), shallow=False)
        wrong = sorted({*stale, *unreadable, *map(str, made ^ kept)})
    if wrong:
        raise StepFailed("not what the protos say; run `make proto`:\n" + "\n".join(f"proto/{name}" for name in wrong))


def documents_are_in_sync() -> None:
    """Writes the documents that are made from the contract and the code beside the tree, and compares them byte for byte."""
    with tempfile.TemporaryDirectory() as fresh:
        command("make", "--no-print-directory", "docs", f"OUT={fresh}")()
        made = sorted(path.relative_to(fresh).as_posix() for path in Path(fresh).rglob("*") if path.is_file())
        _, stale, missing = filecmp.cmpfiles(fresh, ROOT / "docs", made, shallow=False)
    if stale or missing:
        raise StepFailed("\n".join(["not what the code says; run `make docs`:", *(f"docs/{name}" for name in stale + missing)]))


def envoy_takes_its_configuration() -> None:
    """Renders envoy.yaml with the files that it watches, as `cli2api serve` does, and lets the real Envoy judge them."""
    with tempfile.TemporaryDirectory() as folder:
        command("cli2api", "render-envoy", "--out", folder)()
        command("envoy", "--mode", "validate", "-l", "error", "-c", f"{folder}/envoy.yaml")()


def our_files(root: Path = ROOT) -> Iterator[Path]:
    """Every file of the project, without what tools leave behind."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(
            name for name in folders if name not in NOT_OURS and not name.endswith((".egg-info", "_cache", "__pycache__", "venv"))
        )
        folders[:] = [name for name in folders if not name.startswith((".venv", ".hypothesis"))]
        yield from (Path(folder, name) for name in sorted(files) if not name.startswith(".coverage"))


def house_rules_are_kept() -> None:
    """Files stay short, and nothing in them belongs to one machine or one moment."""
    broken: list[str] = []
    for path in our_files():
        name = path.relative_to(ROOT).as_posix()
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture, a sound or a clip
        lines = text.count("\n")
        if lines > MAX_LINES and not TABLES.search(name):
            broken.append(f"{name}: {lines} lines; {MAX_LINES} are allowed, so part it by noun")
        if name.endswith(".lock") or path == Path(__file__):
            continue
        broken.extend(
            f"{name}:{text.count(chr(10), 0, hit.start()) + 1}: {hit.group().strip()!r} is {why}"
            for pattern, why in FORBIDDEN
            for hit in pattern.finditer(text)
        )
    if broken:
        raise StepFailed("\n".join(broken))


STEPS: Final = (
    Step(name="types (mypy, strict)", run=command("mypy")),
    Step(name="generated code in sync with the protos", run=generated_code_is_in_sync),
    Step(name="format (ruff)", run=command("ruff", "format", "--check", "--quiet", *SOURCES)),
    Step(name="lint (ruff)", run=command("ruff", "check", "--quiet", "--no-cache", *SOURCES)),
    Step(name="import contracts (import-linter)", run=command("lint-imports", "--no-cache")),
    Step(name="protos: lint (buf)", run=command("buf", "lint")),
    Step(name="protos: nothing is taken away from callers (buf breaking)", run=command("python", "-m", "tests.breaking")),
    Step(name="documents in sync with the code", run=documents_are_in_sync),
    Step(name="protos: format (buf)", run=command("buf", "format", "--diff", "--exit-code", "proto")),
    Step(name="Envoy's configuration (envoy --mode validate)", run=envoy_takes_its_configuration),
    Step(name="house rules: short files, no machine's paths", run=house_rules_are_kept),
)
"""The longest comes first, since two run at a time."""


def attempt(step: Step) -> Outcome:
    """Runs one step and times it."""
    began = time.monotonic()
    try:
        step.run()
    except StepFailed as failed:
        return Outcome(name=step.name, seconds=time.monotonic() - began, complaint=str(failed))
    return Outcome(name=step.name, seconds=time.monotonic() - began, complaint="")


def main() -> int:
    """Runs every step, prints a line for each, and answers 1 if any failed."""
    began = time.monotonic()
    with ThreadPoolExecutor(max_workers=2) as pool:
        outcomes: list[Outcome] = []
        for future in as_completed([pool.submit(attempt, step) for step in STEPS]):
            outcome = future.result()
            outcomes.append(outcome)
            print(f"{'FAILED' if outcome.complaint else 'ok':6}  {outcome.seconds:5.1f} s  {outcome.name}", flush=True)
    failed = [outcome for outcome in outcomes if outcome.complaint]
    for outcome in failed:
        print(f"\n--- {outcome.name}\n{outcome.complaint}")
    verdict = (
        f"{len(failed)} of {len(outcomes)} failed: {'; '.join(o.name for o in failed)}"
        if failed
        else f"all {len(outcomes)} passed"
    )
    print(f"\ncheck: {verdict} in {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
