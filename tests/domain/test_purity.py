"""The domain is pure: it can be imported and decides with sockets, files and clocks forbidden."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys, time, datetime, zoneinfo, random, json, dataclasses, enum, typing, logging
zoneinfo.ZoneInfo("Europe/Stockholm")

class NoClock(datetime.datetime):
    @classmethod
    def now(cls, tz=None): raise AssertionError("the domain read the clock")
    utcnow = today = now

class NoDate(datetime.date):
    @classmethod
    def today(cls): raise AssertionError("the domain read the clock")

def forbidden(*_): raise AssertionError("the domain read the clock")

def guard(event, args):
    if event.startswith("socket.") or event.startswith("subprocess.") or event == "os.system":
        raise AssertionError(event)
    if event == "open" and not str(args[0]).endswith((".py", ".pyc")):
        raise AssertionError(f"the domain opened {args[0]}")

sys.dont_write_bytecode = True
datetime.datetime, datetime.date = NoClock, NoDate
time.time = time.monotonic = time.time_ns = time.perf_counter = forbidden
sys.addaudithook(guard)

import pkgutil, importlib
import adapter.domain
for module in pkgutil.iter_modules(adapter.domain.__path__):
    importlib.import_module(f"adapter.domain.{module.name}")
from tests.domain.life import Life
life = Life(NoClock(2026, 3, 2, 8, 0, tzinfo=datetime.timezone.utc))
life.order(); life.execute(); life.prepare()
assert life.go().phase.value == "active"
try:
    datetime.datetime.now()
except AssertionError:
    print("pure")
"""


def test_the_domain_decides_with_sockets_files_and_clocks_forbidden() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=root, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "pure", done.stderr


def test_the_domain_imports_nothing_but_the_standard_library_the_parser_and_itself() -> None:
    root = Path(__file__).parents[2] / "adapter" / "domain"
    allowed = set(sys.stdlib_module_names) | {"adapter", "lark"}
    for path in root.glob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            words = line.split()
            if words[:1] in (["import"], ["from"]):
                assert words[1].split(".")[0] in allowed, f"{path.name}: {line}"
                assert not words[1].startswith("adapter.") or words[1].startswith("adapter.domain"), f"{path}: {line}"
