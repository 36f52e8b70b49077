"""Import PyTorch where it is needed, or say how to install it."""

from __future__ import annotations

import importlib
from typing import Any

from theory.errors import MissingPackageError

__all__ = ["require_torch"]


def require_torch() -> Any:
    """The module ``torch``.

    Raises
    ------
    MissingPackageError
        If it is not installed.
    """
    try:
        return importlib.import_module("torch")
    except ImportError as missing:
        raise MissingPackageError(
            "this needs PyTorch, which is not installed: pip install 'sgd-theory[torch]'"
        ) from missing
