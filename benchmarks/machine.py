"""The machine and the versions, without anything that names a person, a place or a host."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_OURS = ("cohort-tracker", "dlt", "dbt-core", "dbt-duckdb", "duckdb", "pyarrow", "orjson")
_PEERS = ("requests", "sqlite-utils", "singer-sdk", "target-duckdb", "dlt", "duckdb")


def machine() -> dict[str, Any]:
    """Processor, cores, memory, system, and how busy it was when the benchmark began."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": platform.system(),
        "load_at_start": round(os.getloadavg()[0], 2),
    }


def versions(peers: Path | None) -> dict[str, dict[str, str]]:
    """Python and packages, ours and the peers'."""
    found = {"ours": {"python": platform.python_version(), **_installed(_OURS)}}
    if peers is not None:
        told = subprocess.run(
            [str(peers), str(Path(__file__)), *_PEERS], capture_output=True, text=True, check=True
        )
        found["peers"] = json.loads(told.stdout)
    return found


def _installed(names: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    print(json.dumps({"python": platform.python_version(), **_installed(tuple(sys.argv[1:]))}))
