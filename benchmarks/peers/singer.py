"""The Singer pair: the tap of `singer_tap`, piped into target-duckdb."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from common import read_job

job = read_job()
here = Path(__file__).parent
tap_config = job.out.with_suffix(".tap.json")
tap_config.write_text(
    json.dumps(
        {
            "url": job.url,
            "email": job.email,
            "password": job.password,
            "class_ids": job.class_ids,
            "page_size": job.page_size,
            "delay": job.delay,
        }
    )
)
target_config = job.out.with_suffix(".target.json")
target_config.write_text(json.dumps({"filepath": str(job.out), "default_target_schema": "main"}))
environment = {**os.environ, "SINGER_SDK_LOG_LEVEL": "ERROR", "TAP_OPENCLASS_LOGLEVEL": "ERROR"}
tap = subprocess.Popen(
    [sys.executable, str(here / "singer_tap.py"), "--config", str(tap_config)],
    stdout=subprocess.PIPE,
    env=environment,
)
target = subprocess.Popen(
    [str(Path(sys.executable).with_name("target-duckdb")), "--config", str(target_config)],
    stdin=tap.stdout,
    stdout=subprocess.DEVNULL,
    env=environment,
)
assert tap.stdout is not None
tap.stdout.close()
codes = (tap.wait(), target.wait())
sys.exit(1 if any(codes) else 0)
