"""What is shipped: a wheel that needs no other files, a recipe for the image, and a unit with few rights."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]

INSIDE = """
import sys
sys.path.insert(0, sys.argv[1])
import adapter, connectors, mappings
from importlib.resources import files
from pathlib import Path
for package in (adapter, connectors, mappings):
    assert Path(package.__file__).is_relative_to(sys.argv[1]), package.__file__
from adapter.domain.routine import Letter
from adapter.store.database import Database
from mappings.messages.render import _environment
from mappings.mapping import load_mapping
from mappings.texts import Texts
assert Texts.load("sv").has("steps", "I1")
print(load_mapping(Path(str(files("mappings") / "example.toml"))).municipality.name)
for letter in Letter:
    _environment("sv").get_template(f"{letter.value}.j2")
database = Database("sqlite:///fresh.db")
database.upgrade()
assert database.schema()[0] == database.schema()[1]
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_alone_has_all_that_the_adapter_runs_with(wheel: Path, tmp_path: Path) -> None:
    """Mapping, texts, templates and migrations are read from it, and nothing from the checkout. Slow, as another
    process imports everything anew."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "lib")
    command = [sys.executable, "-c", INSIDE, str(tmp_path / "lib")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "Exempelkommun"


def test_every_file_that_is_no_code_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=False, capture_output=True, text=True).stdout.split()
    ours = [
        name for name in tracked if name.startswith(("adapter/", "connectors/", "mappings/")) and (ROOT / name).exists()
    ]
    if not ours:
        pytest.skip("not in a git checkout")
    assert set(ours) <= inside


def test_what_the_unit_names_as_its_documentation_is_installed_with_the_wheel(wheel: Path) -> None:
    """And everything that the runbook links to."""
    unit = (ROOT / "deploy/adapter.service").read_text(encoding="utf-8")
    (named,) = re.findall(r"^Documentation=file:/opt/adapter/(.+)$", unit, re.MULTILINE)
    with zipfile.ZipFile(wheel) as archive:
        data = [name.partition(".data/data/") for name in archive.namelist()]
    installed = {path for _, here, path in data if here}
    assert named in installed
    for link in re.findall(r"\]\(([^)#:]+)\)", (ROOT / "docs/operations.md").read_text(encoding="utf-8")):
        assert os.path.normpath(Path(named).parent / link) in installed, link


def test_what_a_municipality_keeps_beside_our_files_is_shipped_to_nobody() -> None:
    """Compose has its secrets in deploy/, ``adapter init`` writes them anywhere, and both build from this folder."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shipped = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"])
    let_through = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    ours = subprocess.run(["git", "ls-files", "config", "deploy"], cwd=ROOT, capture_output=True, text=True)
    tracked = {"/".join(path.split("/")[:2]) for path in ours.stdout.split()}
    if ours.returncode == 0 and tracked:
        assert tracked | {"docs"} == shipped
    assert shipped <= let_through
    assert not {"config", "deploy"} & (shipped | let_through)


def test_the_version_is_the_same_everywhere(wheel: Path) -> None:
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert version
    assert f"-{version[1]}-" in wheel.name
    for file in ("Dockerfile", "deploy/compose.yaml"):
        assert version[1] in (ROOT / file).read_text(encoding="utf-8"), file


def test_the_image_recipe_is_well_made() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    if not linter.exists():
        pytest.skip("hadolint is not installed")
    done = subprocess.run([linter, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_runs_as_nobody_on_a_pinned_base_without_what_built_it() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert re.findall(r"^ARG BASE.*$|^FROM .*$", text, re.MULTILINE) == [
        "ARG BASE",
        "FROM ${BASE} AS build",
        "FROM ${BASE}",
    ]
    last = text.rpartition("\nFROM ")[2]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last, re.MULTILINE)
    assert "HEALTHCHECK" in last
    assert "pip" not in last
    commands = re.split(r"&&|\n", text.replace("\\\n", " "))
    installs = [command for command in commands if re.search(r"\bpip\b.* install ", command)]
    assert len(installs) == 3
    assert all("--require-hashes" in command or "--no-index" in command for command in installs)


def test_compose_gives_the_services_no_more_than_they_need() -> None:
    compose = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text(encoding="utf-8"))
    services = compose["services"]
    assert set(services) == {"adapter", "postgres", "simulators"}
    assert services["simulators"]["profiles"] == ["simulated"]
    for name in ("adapter", "simulators"):
        assert services[name]["read_only"] is True
        assert not services[name]["user"].startswith("0")
    for service in services.values():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), (
            "this machine's, and nobody else's"
        )


def test_the_unit_is_understood_by_systemd_and_gives_nothing_away(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("NOT TESTED: systemd-analyze is not installed")
    text = (ROOT / "deploy/adapter.service").read_text(encoding="utf-8")
    unit = tmp_path / "adapter.service"
    unit.write_text(text.replace("/opt/adapter/bin/adapter", "/bin/true"), encoding="utf-8")
    environment = {**os.environ, "SYSTEMD_COLORS": "0"}
    verified = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, check=False, env=environment)
    assert unit.name not in verified.stderr
    security = [analyze, "security", "--offline=true", "--threshold=15", str(unit)]
    done = subprocess.run(security, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout[-500:]
