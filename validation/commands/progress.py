"""A bar on stderr, where stderr is a terminal and tqdm is installed."""

from __future__ import annotations

from typing import Any

__all__ = ["Progress"]


class Progress:
    """``with Progress("simulate", "step") as bar: work(progress=bar.update)``."""

    def __init__(self, name: str, unit: str) -> None:
        self._name, self._unit = name, unit
        self._bar: Any = None

    def __enter__(self) -> Progress:
        try:
            from tqdm import tqdm
        except ImportError:
            self._tqdm: Any = None
        else:
            self._tqdm = tqdm
        return self

    def update(self, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` is done; the bar appears with the first call."""
        if self._bar is None and self._tqdm is not None:
            self._bar = self._tqdm(
                unit=self._unit, unit_scale=True, leave=False, disable=None, desc=self._name
            )
        if self._bar is not None:
            self._bar.total = total
            self._bar.update(done - self._bar.n)

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.close()
