"""Files that are whole or not there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from theory.errors import TheoryError

__all__ = ["write_text", "write_whole"]


def write_text(path: str | Path, text: str) -> None:
    """Write a text file; errors as :func:`write_whole`."""
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


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
