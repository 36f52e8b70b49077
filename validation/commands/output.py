"""Writing results: JSON, aligned tables, and files that are whole or not there."""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from theory.errors import TheoryError

__all__ = ["aligned_table", "csv_text", "print_json", "short", "write_whole"]


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


def write_whole(path: str | Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then rename it.

    Raises
    ------
    TheoryError
        If the folder does not exist or cannot be written; nothing is left behind.
    """
    target = Path(path)
    try:
        handle, name = tempfile.mkstemp(
            dir=target.parent, prefix=f".{target.stem}-", suffix=target.suffix
        )
    except OSError as error:
        raise TheoryError(
            f"cannot write {str(target)!r}: {error.strerror}; choose an existing folder that you "
            "may write to"
        ) from None
    os.close(handle)
    temporary = Path(name)
    try:
        if target.is_dir():
            raise TheoryError(f"cannot write {str(target)!r}: it is a folder; name a file in it")
        write(temporary)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
