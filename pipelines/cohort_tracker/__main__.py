"""`python -m cohort_tracker`."""

from .cli import main

main(prog_name="cohort-tracker")
