"""A derivation: prose and steps that end in a formula."""

from __future__ import annotations

from dataclasses import dataclass

from derivations.step import Step, Verdict
from derivations.zero_test import check_steps
from theory.formula import Formula

__all__ = ["Derivation"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Derivation:
    """How one formula comes about.

    Attributes
    ----------
    slug, title
        Those of the formula.
    setting
        Paragraphs of prose before the first step: what is computed and under which conventions.
    steps
        The identities, in reading order; the last one's right side is the printed formula.
    result
        The formula.
    """

    slug: str
    title: str
    setting: tuple[str, ...]
    steps: tuple[Step, ...]
    result: Formula

    def check(self) -> tuple[Verdict, ...]:
        """The verdict on every step, in order."""
        return tuple(check_steps(self.steps))

    @property
    def proved(self) -> bool:
        """Whether every step is proved, and there is at least one."""
        return bool(self.steps) and all(verdict.proved for verdict in self.check())

    def latex(self) -> str:
        """A LaTeX document; see :func:`derivations.typeset.to_latex`."""
        from derivations.typeset import to_latex

        return to_latex(self)

    def markdown(self) -> str:
        """Markdown; see :func:`derivations.typeset.to_markdown`."""
        from derivations.typeset import to_markdown

        return to_markdown(self)
