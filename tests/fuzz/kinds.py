"""What is held of each kind. Each function tries ``count`` and returns what was lost, a line each; the sums say how the
rest ended."""

import json
import os
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from adapter.engine.request_file import parse
from adapter.ops.hooks import sign
from adapter.settings.load import SettingsError, load_settings
from connectors.phoniro.wire import Schedule, Supervision
from mappings.file_faults import MappingError
from mappings.mapping import load_mapping
from tests.fuzz.odd_texts import BITS, mutated
from tests.gateways.test_odd_rows import NOW, READINGS, listed, platform, random_rows, source, storable
from tests.ops.conftest import SECRET, Site, site_of
from tests.outside import EXAMPLE
from tests.world import World

RESYNC = Path(__file__).parents[2] / "config" / "resync.toml"
ENTRY = re.compile(r"# (\[\[|\w+ = )")
SECRETS = ("s3cr3t-of-phoniro", "k3y-of-lifecare", "a-pseudonym-key-of-chance")
SETTINGS = f"""\
tenant = "exempelkommun"
mapping_file = "mapping.toml"
pseudonym_key = "{SECRETS[2]}"
dry_run = true
[lifecare]
base_url = "https://lifecare.example/"
domain = "exempelkommun"
key = "{SECRETS[1]}"
page_size = 100
proxy = "http://proxy.example:3128"
[phoniro]
base_url = "https://phoniro.example"
client_id = "adapter"
client_secret = "{SECRETS[0]}"
connect_timeout_seconds = 2.5
[mail]
host = "mail.example"
sender = "adapter@exempelkommun.example"
[store]
url = "sqlite:///var/adapter.db"
[engine]
poll_seconds = 60
drift = "report"
[ops]
enabled = true
port = 8080
[logs]
level = "INFO"
""".encode()


async def rows(count: int, seed: int, ends: Counter[str]) -> list[str]:
    """Of every list of both vendors: the good rows count, the odd ones are told, and all can be stored."""
    lost = []
    each = count // (len(READINGS) + 2) + 1
    for name, (model, reading, ids) in READINGS.items():
        client, lifecare = source(model, *listed(model, random_rows(model, each, seed)))
        async with client:
            found = await reading(lifecare)
        items, problems = (found.items, found.problems) if hasattr(found, "items") else found
        ends["told"] += len(problems)
        if not ({"1001", "1002"} <= ids(found) and problems and storable([items, problems])):
            lost.append(f"a row of {name}")
    for wanted in (Supervision, Schedule):
        client_of, phoniro = platform(listed(wanted, random_rows(wanted, each, seed))[0])
        async with client_of:
            if wanted is Supervision:
                looks = await phoniro.supervisions(NOW, NOW)
                good, told = {look.id for look in looks.rows}, len(looks.broken)
            else:
                seen = [one async for page in phoniro.schedules() for one in page]
                good = {str(one.id) for one in seen}
                told = sum(hasattr(one, "problem") for one in seen)
        ends["told"] += told
        if not {"1001", "1002"} <= good:
            lost.append(f"a row of {wanted.__name__}")
    return lost


async def hooks(count: int, seed: int, ends: Counter[str]) -> list[str]:
    """A signed body of any kind is taken or refused with its reason, and the next good one is taken."""
    rng, lost = random.Random(seed), []
    good = json.dumps({"order": "SB-100001", "orders": ["SB-1", {"Id": "SB-2", "Status": "Sent"}]}).encode()
    async with World() as world:
        site = site_of(world)
        async with site.client() as client:
            for n in range(count):
                body = rng.choice(BITS) if n % 50 == 0 else mutated(good, rng)
                status = await _hooked(site, client, body)
                ends[str(status)] += 1
                if status not in (202, 400, 409, 413):
                    lost.append(f"webhook {n}: {status}")
            if await _hooked(site, client, b'{"order": "SB-after-all"}') != 202:
                lost.append("the good webhook after them")
    return lost


async def _hooked(site: Site, client: httpx.AsyncClient, body: bytes) -> int:
    site.world.clock.time += timedelta(seconds=1)
    stamp = str(int(site.world.clock.now().timestamp()))
    headers = {"Adapter-Timestamp": stamp, "Adapter-Signature": sign(SECRET, stamp, body)}
    try:
        return (await client.post("/hooks/lifecare", content=body, headers=headers)).status_code
    except Exception as error:  # noqa: BLE001 - whatever it raises is what is looked for
        return -len(type(error).__name__)


async def mappings(count: int, seed: int, ends: Counter[str]) -> list[str]:
    """A mapping is used, or refused with what to mend."""
    with TemporaryDirectory() as name:
        file = Path(name, "mapping.toml")
        return _loaded(file, EXAMPLE.read_bytes(), count, seed, ends, lambda: load_mapping(file).policy(2026))


async def settings(count: int, seed: int, ends: Counter[str]) -> list[str]:
    """Settings are used, or refused with what to mend and without any value of a secret."""
    with TemporaryDirectory() as name, _only_here(Path(name)):
        file = Path(name, "adapter.toml")
        return _loaded(file, SETTINGS, count, seed, ends, lambda: load_settings(file))


def _loaded(
    file: Path, good: bytes, count: int, seed: int, ends: Counter[str], load: Callable[[], object]
) -> list[str]:
    rng, lost = random.Random(seed), []
    (file.parent / "mapping.toml").touch()
    for n in range(count):
        file.write_bytes(mutated(good, rng))
        try:
            load()
            ends["used"] += 1
        except (MappingError, SettingsError) as error:
            ends["refused"] += 1
            reasons = error.faults if isinstance(error, MappingError) else error.problems
            if not reasons or not all(reasons) or any(secret in str(error) for secret in SECRETS):
                lost.append(f"{file.name} {n}: no reason, or a secret in it")
        except Exception as error:  # noqa: BLE001 - whatever it raises is what is looked for
            lost.append(f"{file.name} {n}: {type(error).__name__}: {str(error)[:80]}")
    return lost


async def requests(count: int, seed: int, ends: Counter[str]) -> list[str]:
    """The last request is taken, whatever is before it in the file. Unusable ones are refused by their line."""
    rng, lost = random.Random(seed), []
    shown = RESYNC.read_text(encoding="utf-8")
    examples = "\n".join(line.removeprefix("# ") for line in shown.splitlines() if ENTRY.match(line)).encode()
    last = '\n[[resync]]\nid = "last"\nscope = "open"\nmode = "plan"\nwho = "IT"\nwhy = "a reason of some length"\n'
    for n in range(count):
        text = mutated(examples, rng).decode("utf-8", "replace") + last
        try:
            read = parse(text, ["exempel"])
        except Exception as error:  # noqa: BLE001 - whatever it raises is what is looked for
            lost.append(f"request {n}: {type(error).__name__}: {str(error)[:80]}")
            continue
        ends["taken"] += len(read.entries)
        ends["refused"] += len(read.refusals)
        if "last" not in [getattr(entry, "id", "") for _, entry in read.entries]:
            lost.append(f"request {n}: the last one is not taken: {read.refusals[-1:]}")
    return lost


@contextmanager
def _only_here(folder: Path) -> Iterator[None]:
    """In a folder of its own, and without what the environment says."""
    before, ours = Path.cwd(), {name: value for name, value in os.environ.items() if name.startswith("ADAPTER_")}
    for name in ours:
        del os.environ[name]
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
        os.environ.update(ours)


KINDS = {"wire rows": rows, "webhooks": hooks, "mappings": mappings, "settings": settings, "requests": requests}
