"""The report: catalogue, evidence and real regressions in one offline page."""

from __future__ import annotations

from validation.report.write import write_report

__all__ = ["write_report"]
