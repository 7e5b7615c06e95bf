"""``make sbom``: what the adapter is made of."""

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.outside import ROOT


def test_the_sbom_names_every_pinned_package_with_its_version_and_hashes(tmp_path: Path) -> None:
    made = tmp_path / "sbom.json"
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\nsbom:")[2].partition("\n\n")[0]
    arguments = recipe.partition("-m cyclonedx_py ")[2].replace("\\\n", " ").replace("var/sbom.json", str(made)).split()
    # Not compared with the schema here, because that costs more than the rest; `make sbom` does it.
    command = [sys.executable, "-W", "ignore", "-m", "cyclonedx_py", *arguments, "--no-validate"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=120)
    sbom = json.loads(made.read_text(encoding="utf-8"))
    pinned = re.findall(r"^([\w.-]+)(?:\[.*?\])?==(\S+)", (ROOT / "requirements/run.txt").read_text("utf-8"), re.M)
    assert {(part["name"], part["version"]) for part in sbom["components"]} == set(pinned)
    assert sbom["metadata"]["component"]["name"] == "trygghetskamera-adapter"
    for part in sbom["components"]:
        assert part["purl"].startswith("pkg:pypi/")
        assert any(place.get("hashes") for place in part["externalReferences"]), part["name"]
