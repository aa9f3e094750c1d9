"""How much is measured: the full benchmark, a quick look, a tiny run that checks the harness."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Sizes and numbers of runs.

    `paced_records` in one class is the cohort that a mentor has, on servers that grant so many
    records per page as `granted` says; `bulk` and `marts` are classes of `bulk_class` records,
    small and large; `many_classes` are small ones, with `logged_runs` in all.
    """

    name: str
    paced_records: int
    granted: tuple[int, ...]
    page_delay: float
    later_change: int
    bulk_class: int
    bulk: tuple[int, ...]
    marts: tuple[int, ...]
    side_bulk: int
    many_classes: int
    logged_runs: int
    paced_runs: int
    bulk_runs: int
    marts_runs: int
    side_runs: int
    command_runs: int
    classes_runs: int


FULL = Sizes(
    name="full",
    paced_records=3_781,
    granted=(1_000, 200, 30),
    page_delay=0.5,
    later_change=25,
    bulk_class=2_000,
    bulk=(50, 500),
    marts=(500, 5_000),
    side_bulk=50,
    many_classes=600,
    logged_runs=350_000,
    paced_runs=3,
    bulk_runs=3,
    marts_runs=2,
    side_runs=3,
    command_runs=9,
    classes_runs=3,
)
QUICK = Sizes(
    name="quick",
    paced_records=3_781,
    granted=(1_000, 200),
    page_delay=0.5,
    later_change=25,
    bulk_class=2_000,
    bulk=(5, 15),
    marts=(25, 75),
    side_bulk=5,
    many_classes=200,
    logged_runs=100_000,
    paced_runs=1,
    bulk_runs=1,
    marts_runs=1,
    side_runs=1,
    command_runs=3,
    classes_runs=1,
)
TINY = Sizes(
    name="tiny",
    paced_records=90,
    granted=(1_000, 30),
    page_delay=0.05,
    later_change=5,
    bulk_class=80,
    bulk=(2,),
    marts=(2,),
    side_bulk=2,
    many_classes=10,
    logged_runs=600,
    paced_runs=1,
    bulk_runs=1,
    marts_runs=1,
    side_runs=1,
    command_runs=1,
    classes_runs=1,
)
SIZES = {sizes.name: sizes for sizes in (FULL, QUICK, TINY)}
