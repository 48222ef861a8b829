"""What the bench has found out, as values: printed for the one who waits, and written into the documentation."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Named rows under named columns; `chart` is the number of the column that is drawn as bars, where one is."""

    title: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[str]]]
    chart: int | None = None


def printed(table: Table) -> str:
    """For a terminal."""
    head = f"\n{table.title:48}" + "".join(f"{column:>18}" for column in table.columns)
    return "\n".join([head, *(f"  {name:46}" + "".join(f"{cell:>18}" for cell in cells) for name, cells in table.rows)])


def markdown(tables: Iterable[Table]) -> str:
    """For a page: each table, and a Mermaid chart where it has one."""
    return "\n\n".join(part for table in tables for part in (f"### {table.title}", _rows(table), _chart(table)) if part)


def _rows(table: Table) -> str:
    head = f"| | {' | '.join(table.columns)} |"
    ruler = "|---|" + "---:|" * len(table.columns)
    return "\n".join([head, ruler, *(f"| {name} | {' | '.join(cells)} |" for name, cells in table.rows)])


def _chart(table: Table) -> str:
    if table.chart is None:
        return ""
    names = ", ".join(f'"{name}"' for name, _ in table.rows)
    heights = ", ".join(cells[table.chart].replace(",", "") for _, cells in table.rows)
    return (
        f'```mermaid\nxychart-beta\n    title "{table.title}, {table.columns[table.chart]}"\n'
        f"    x-axis [{names}]\n    bar [{heights}]\n```"
    )
