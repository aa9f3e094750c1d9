"""The raw store, raw.db: every version of every record; the one file that cannot be rebuilt."""
