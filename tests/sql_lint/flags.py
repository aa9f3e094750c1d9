"""Stand-in for the flags of a dbt command."""

WHICH = "build"
