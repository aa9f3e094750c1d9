"""Print the rows of each query in JSON: what a reader of the lakehouse gets."""

import json
import sys

from pyspark.sql import SparkSession

session = SparkSession.builder.enableHiveSupport().getOrCreate()
answers = [[list(row) for row in session.sql(query).collect()] for query in sys.argv[1:]]
print(json.dumps(answers, default=str))
