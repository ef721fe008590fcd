"""A model's history as one self-contained HTML page."""

from flows.report.history import ReportData, ReportRow
from flows.report.page import render_report

__all__ = ["ReportData", "ReportRow", "render_report"]
