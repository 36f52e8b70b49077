"""Writing results: JSON, aligned tables, CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["aligned_table", "csv_text", "print_json", "short"]


def print_json(record: Any) -> None:
    """Print strict JSON: no NaN, no infinity."""
    print(json.dumps(record, indent=2, allow_nan=False, ensure_ascii=False))


def short(value: float | None) -> str:
    """Five significant digits for a table; a dash for no value."""
    return "-" if value is None else f"{value:.5g}"


def aligned_table(header: Sequence[str], rows: Iterable[Sequence[str]], *, right: bool) -> str:
    """Plain text in columns, two spaces apart; numbers to the right, words to the left."""
    lines = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    side = str.rjust if right else str.ljust
    return "\n".join(
        "  ".join(side(cell, width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def csv_text(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """CSV with a header row and plain line ends."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue()
