"""No tracked file names a package registry, an index option, or a path of a builder's machine."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

FORBIDDEN = re.compile(
    "|".join(
        [
            "pypi" + r"\.org",
            "python" + "hosted",
            "registry" + r"\.npm" + "js",
            "deb" + r"\.debian",
            "--(extra-)?index" + "-url",
            "--find" + "-links",
            "/wo" + "rk/",
            "/ro" + "ot/",
        ]
    ),
    re.IGNORECASE,
)


def main() -> int:
    tracked = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True, text=True).stdout.split("\0")
    bad = []
    for name in filter(None, tracked):
        path = Path(name)
        if not path.is_file():
            continue
        text = path.read_bytes().decode("utf-8", errors="replace")
        bad += [
            f"{name}:{n}: {line.strip()[:100]}" for n, line in enumerate(text.splitlines(), 1) if FORBIDDEN.search(line)
        ]
    for line in bad:
        sys.stderr.write(line + "\n")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
