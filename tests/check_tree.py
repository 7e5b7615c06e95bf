"""No tracked file names a package registry, an index option, or a path of a builder's machine. No room has more lines
than its budget, so that the house stays readable. A change that raises a budget says why."""

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

BUDGET = {
    "adapter/cli": 3_000,
    "adapter/demo": 1_100,
    "adapter/domain": 5_000,
    "adapter/engine": 4_250,
    "adapter/followup": 850,
    "adapter/gateways": 1_150,
    "adapter/ops": 2_900,
    "adapter/presentation": 2_150,
    "adapter/settings": 1_050,
    "adapter/store": 5_100,
    "adapter": 1_200,
    "connectors/mock": 3_100,
    "connectors": 2_900,
    "mappings": 1_650,
    "tests": 32_950,
}
"""Lines of Python by room; a file counts in the first room that holds it."""


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
    bad += _over_budget([Path(name) for name in tracked if name.endswith(".py")])
    for line in bad:
        sys.stderr.write(line + "\n")
    return 1 if bad else 0


def _over_budget(files: list[Path]) -> list[str]:
    lines = dict.fromkeys(BUDGET, 0)
    for path in filter(Path.is_file, files):
        room = next((room for room in BUDGET if path.is_relative_to(room)), None)
        if room is None:
            return [f"{path}: stands in no room that has a budget"]
        lines[room] += len(path.read_bytes().splitlines())
    return [
        f"{room}: {lines[room]} lines, {most} are its budget" for room, most in BUDGET.items() if lines[room] > most
    ]


if __name__ == "__main__":
    raise SystemExit(main())
