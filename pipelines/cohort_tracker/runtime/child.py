"""Child processes of a sync: nothing of the user's surroundings reaches them.

dlt, dbt and Python read many variables, files in the working directory and files in the home; each
could lead rows elsewhere, or make other tables. So a child sees the variables that are listed here
and nothing else, works in a folder of its own, and takes modules from where they are installed.
"""

from __future__ import annotations

import os
import site
import subprocess
import sys
from pathlib import Path
from typing import Any

_PASSED_ON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Without them some Pythons cannot be started."""

_START = (
    # This very package, wherever another one is installed; -I has left out what the user installed.
    "import os, site, sys; from importlib import import_module, util;"
    " name, place, home = (sys.argv.pop(1) for _ in range(3)); home and site.addsitedir(home);"
    " spec = util.spec_from_file_location(name, place);"
    " sys.modules[name] = util.module_from_spec(spec); spec.loader.exec_module(sys.modules[name]);"
    " code = import_module(sys.argv.pop(1)).main(*sys.argv[1:]);"
    # What it holds goes with the process: taking it apart first is time that the sync waits.
    " sys.stdout.flush(); sys.stderr.flush(); os._exit(code)"
)
_PACKAGE = Path(__file__).parents[1]


def child_environment(folder: Path) -> dict[str, str]:
    """The environment of a child that works in `folder`: the same whoever starts it."""
    passed_on = {key: os.environ[key] for key in _PASSED_ON if key in os.environ}
    return {
        **passed_on,
        "PATH": os.defpath,
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "TZ": "UTC",
        "DO_NOT_TRACK": "1",
    }


def start_child(
    module: str,
    *arguments: str | Path,
    folder: Path,
    log: Path,
    variables: dict[str, str],
    stdin: Any,
) -> subprocess.Popen[bytes]:
    """Start `main(*arguments)` of a module of this package.

    Args:
        module: its full name.
        arguments: for its `main`, whose result is the exit code.
        folder: where it works and keeps what is temporary; it is there, and its own.
        log: takes what it prints, in the place of what stands there.
        variables: its environment beside what every child has.
        stdin: as `subprocess` takes it; its end tells the child that the sync died.

    Raises OSError.
    """
    log.parent.mkdir(mode=0o700, exist_ok=True)
    log.unlink(missing_ok=True)
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as stream:
        return subprocess.Popen(  # noqa: S603
            [
                *(sys.executable, "-I", "-X", "utf8", "-c", _START),
                *(_PACKAGE.name, str(_PACKAGE / "__init__.py")),
                site.getusersitepackages() if site.ENABLE_USER_SITE else "",
                module,
                *map(str, arguments),
            ],
            stdin=stdin,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**child_environment(folder), **variables},
            cwd=folder,
            umask=0o077,
            start_new_session=True,  # Ctrl-C goes to the sync, which then ends this
        )
