"""Print where the plans of compiled models bring rows to a single partition, as JSON.

Arguments: the files of the compiled models. One line per place: the model and what is brought
together there. A sum of what each partition has summed up already is one row per partition, and is
left out.
"""

import json
import re
import sys
from itertools import pairwise
from pathlib import Path

from pyspark.sql import SparkSession

_TREE = re.compile(r"^[\s:+*()\d-]*")


def single_partitions(plan: str) -> list[str]:
    """What stands below each exchange to a single partition in a plan."""
    lines = [_TREE.sub("", line) for line in plan.splitlines()]
    below = [later for line, later in pairwise(lines) if "SinglePartition" in line]
    return [line for line in below if not re.match(r"\w*Aggregate\(keys?=\[\]", line)]


session = SparkSession.builder.enableHiveSupport().getOrCreate()
found = []
for path in map(Path, sys.argv[1:]):
    (row,) = session.sql(f"EXPLAIN {path.read_text(encoding='utf-8')}").collect()
    found += [[path.stem, below] for below in single_partitions(row[0])]
print(json.dumps(found))
