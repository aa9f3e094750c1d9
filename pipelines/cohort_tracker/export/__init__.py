"""Answers as files that other programs read: CSV, JSON, Parquet, Excel."""
