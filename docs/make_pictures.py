"""Make the pictures of the README from the demo: the page in Chromium, the report as a terminal.

`make pictures` runs it after `make demo`'s commands, on the same invented cohort.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.text import Text

DOCS = Path(__file__).parent
SHOWN_LINES = 34
_WIDTH, _HEIGHT = 860, 980
# rich's own format asks for fonts from outside.
_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"
 aria-label="The report in a terminal">
<style>
.{unique_id}-matrix {{ font: {char_height}px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", \
monospace; white-space: pre }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def make_pictures(demo: Path) -> None:
    """Write docs/page.png and docs/report.svg from the demo in `demo`."""
    with_demo = [sys.executable, "-m", "cohort_tracker", "--config", str(demo / "demo.toml")]
    page = demo / "picture.html"
    options = ["report", "--class", "web-m1"]
    subprocess.run([*with_demo, *options, "--html", str(page)], check=True, capture_output=True)
    _photograph(page, DOCS / "page.png")
    shown = subprocess.run(
        [*with_demo, *options], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    lines = ["$ cohort-tracker report --class web-m1", *shown[:SHOWN_LINES], "…"]
    console = Console(record=True, width=80, file=(demo / "picture.txt").open("w"))
    console.print(Text("\n".join(lines)))
    console.save_svg(str(DOCS / "report.svg"), title="", code_format=_SVG, unique_id="report")


def _photograph(page: Path, picture: Path) -> None:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if found is None:
        sys.exit("Chromium is needed to make the picture: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        window = browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT})
        window.goto(page.resolve().as_uri())
        window.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    make_pictures(Path(sys.argv[1]))
