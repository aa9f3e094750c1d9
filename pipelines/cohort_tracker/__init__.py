"""Cohort Tracker: OpenClass progressions in SQL tables that mentors act on."""

__version__ = "0.2.0"
