"""Writes the documents that are made from the code: `buf build ... | python -m docs.generate FOLDER`, as `make docs` does.

It reads the contract as a FileDescriptorSet with source information; FOLDER is `docs`, or another one to compare with it.
"""

import sys
from pathlib import Path

from docs.generate.contract import nouns
from docs.generate.errors import Missing, errors
from docs.generate.page import page


def main(compiled: bytes, folder: str) -> int:
    """Writes `errors.md` and `reference/grpc.html`; answers 1, and says why, where a reason is not in every table."""
    contract = nouns(compiled)
    try:
        texts = {"errors.md": errors(contract), "reference/grpc.html": page(contract)}
    except Missing as missing:
        sys.stderr.write(f"{missing}\n")
        return 1
    for name, text in texts.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.stdin.buffer.read(), *sys.argv[1:]))
