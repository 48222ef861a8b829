"""Joins the metrics of several parts, as texts in Prometheus' format, into one text. Pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

_SAMPLE: Final = re.compile(r"([A-Za-z_:][\w:]*)(?:\{(.*)\})?( .*)", re.ASCII)
_HEAD: Final = re.compile(r"# (HELP|TYPE) ([A-Za-z_:][\w:]*) ", re.ASCII)


def joined(texts: Mapping[str, str]) -> str:
    """Every family once, in order of its name, with the samples of every part; `texts` is by the part's name, as in core-1."""
    heads: dict[str, dict[str, str]] = {}
    samples: dict[str, list[str]] = {}
    for part, text in texts.items():
        for family, kind, line in _read(text, _labels(part)):
            if kind == "sample":
                samples.setdefault(family, []).append(line)
            else:
                heads.setdefault(family, {}).setdefault(kind, line)
    lines = [line for family in sorted(samples) for line in (*_ordered(heads.get(family, {})), *samples[family])]
    return "".join(f"{line}\n" for line in lines)


def _read(text: str, labels: str) -> Iterator[tuple[str, str, str]]:
    """Each line: the family that it belongs to, what it is, and the line itself, a sample with `labels` before its own."""
    family = ""
    for line in text.splitlines():
        if head := _HEAD.match(line):
            family = head[2]
            yield family, head[1], line
        elif sample := _SAMPLE.fullmatch(line):
            name, own, rest = sample.groups()
            # A histogram's samples have names longer than their family's.
            owner = family if family and name.startswith(family) else name
            yield owner, "sample", f"{name}{{{','.join(each for each in (labels, (own or '').rstrip(',')) if each)}}}{rest}"


def _labels(part: str) -> str:
    kind, _, number = part.partition("-")
    return f'part="{kind}",number="{number}"' if number else f'part="{kind}"'


def _ordered(head: Mapping[str, str]) -> list[str]:
    return [head[kind] for kind in ("HELP", "TYPE") if kind in head]
