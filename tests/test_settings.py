"""The settings: where they come from, what is refused, and what is never shown."""

import re
import shutil
import tomllib
from pathlib import Path

import pytest
import trustme
from pydantic import ValidationError

from adapter.domain.facts import Signal
from adapter.settings.load import SettingsError, load_settings
from adapter.settings.model import Settings
from tests.generated_docs import DOCS, REFERENCES

ROOT = Path(__file__).parents[1]
KEY = "raw+key/of=Lifecare=="
PSEUDONYM_KEY = "0123456789abcdef"

ONE = """
tenant = "exempelkommun"
mapping_file = "mapping.toml"
[lifecare]
base_url = "https://lifecare.example/"
domain = "exempelkommun"
key = "from-the-file"
[phoniro]
base_url = "https://phoniro.example"
client_id = "adapter"
client_secret = "s3cr3t-value"
"""
PAGES = "[ops]\nenabled = true\n"
LOGIN_IN_CLEAR = "[mail]\nhost = 'm.example'\nsender = 'a@m.example'\nusername = 'x'\npassword = 'y'\nstarttls = false"


@pytest.fixture(autouse=True)
def place(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory with a mapping, and an environment with only our pseudonym key."""
    monkeypatch.setenv("ADAPTER_PSEUDONYM_KEY", PSEUDONYM_KEY)
    (elsewhere / "mapping.toml").touch()
    return elsewhere


def write(place: Path, text: str) -> Path:
    file = place / "adapter.toml"
    file.write_text(text, encoding="utf-8")
    return file


def refusal(place: Path, text: str) -> str:
    with pytest.raises(SettingsError) as failure:
        load_settings(write(place, text))
    assert failure.value.__cause__ is None
    return str(failure.value)


def lifecare_key(settings: Settings) -> str:
    return settings.tenants["exempelkommun"].lifecare.key.get_secret_value()


def test_one_municipality_is_written_at_the_top_level(place: Path) -> None:
    settings = load_settings(write(place, ONE))
    (name,) = settings.tenants
    tenant = settings.tenants[name]
    assert name == "exempelkommun"
    assert tenant.lifecare.base_url == "https://lifecare.example"
    assert tenant.mapping_file == Path("mapping.toml")
    assert not tenant.mail.host
    assert (settings.engine.poll_seconds, settings.dry_run, settings.ops.enabled) == (60, False, False)


def test_several_municipalities_stand_under_tenants(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = ONE.replace('tenant = "exempelkommun"\n', "")
    same = "".join(
        f"[tenants.{name}]\n"
        + one.replace("[lifecare]", f"[tenants.{name}.lifecare]").replace("[phoniro]", f"[tenants.{name}.phoniro]")
        for name in ("norra", "sodra")
    )
    assert "[tenants.sodra.lifecare] and [tenants.norra.lifecare] are the same" in refusal(place, same)
    text = same.replace('domain = "exempelkommun"', 'domain = "norra"', 1)
    monkeypatch.setenv("ADAPTER_TENANTS__SODRA__LIFECARE__KEY", "12345")
    settings = load_settings(write(place, text))
    assert {n: t.lifecare.key.get_secret_value() for n, t in settings.tenants.items()} == {
        "norra": "from-the-file",
        "sodra": "12345",
    }
    assert "choose one of the two" in refusal(place, text + "[mail]\nhost = ''")
    assert "tenant: stands at the top level, and there are [tenants]" in refusal(place, "tenant = 'north'\n" + text)


def test_environment_goes_before_secret_file_before_file_before_default(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = write(place, ONE)
    assert lifecare_key(load_settings(config)) == "from-the-file"

    folder = place / "secrets"
    folder.mkdir()
    (folder / "lifecare__key").write_text("from-the-folder\n")
    (folder / "somebody-elses").write_text("left alone")
    monkeypatch.setenv("ADAPTER_SECRETS_DIR", str(folder))
    assert lifecare_key(load_settings(config)) == "from-the-folder"

    (place / "key").write_bytes(b"from-the-named-file\r\n")
    monkeypatch.setenv("ADAPTER_LIFECARE__KEY_FILE", str(place / "key"))
    assert lifecare_key(load_settings(config)) == "from-the-named-file"

    monkeypatch.setenv("ADAPTER_LIFECARE__KEY", "from-the-environment")
    monkeypatch.setenv("ADAPTER_ENGINE__POLL_SECONDS", "7")
    settings = load_settings(config)
    assert lifecare_key(settings) == "from-the-environment"
    assert settings.engine.poll_seconds == 7


def test_the_file_is_the_one_given_or_named_by_the_environment_or_the_usual_one(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "local").mkdir()
    (place / "local/adapter.toml").write_text(ONE.replace("from-the-file", "usual"))
    assert lifecare_key(load_settings()) == "usual"
    monkeypatch.setenv("ADAPTER_CONFIG", str(write(place, ONE.replace("from-the-file", "named"))))
    assert lifecare_key(load_settings()) == "named"
    assert lifecare_key(load_settings(place / "local/adapter.toml")) == "usual"


@pytest.mark.parametrize(
    "written",
    [
        KEY,
        "raw%2Bkey%2Fof%3DLifecare%3D%3D",
        "raw%2bkey%2fof%3dLifecare%3d%3d",
        "raw%252bkey%252fof%253dLifecare%253d%253d",
        f" {KEY} ",
    ],
)
def test_a_lifecare_key_is_the_same_raw_or_percent_encoded(place: Path, written: str) -> None:
    assert lifecare_key(load_settings(write(place, ONE.replace("from-the-file", written)))) == KEY


def test_everything_missing_is_told_at_once_with_every_way_to_give_it(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ADAPTER_PSEUDONYM_KEY")
    text = refusal(place, "")
    for name in ("base_url", "domain", "key", "client_id", "client_secret", "mapping_file", "pseudonym_key"):
        assert f" {name}: is required" in text, text
    assert "[lifecare] key: is required (give it there, as ADAPTER_LIFECARE__KEY, or a file named by key_file)" in text
    assert "pydantic" not in text
    assert "docs/settings.md" in text


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("[engine]\npol_seconds = 3", "adapter.toml: [engine] pol_seconds: there is no setting pol_seconds; did"),
        ("[enginee]", "adapter.toml: enginee: there is no setting enginee; did you mean engine?"),
        ("[engine]\npoll_seconds = 'often'", "adapter.toml: [engine] poll_seconds: input should be a valid number"),
        ("[engine]\nreread_hours = 48", "adapter.toml: [engine] reread_hours: input should be less than or equal"),
        ("[store]\nurl = 'sqlite:///'", "adapter.toml: [store] url: names no file"),
        ("[store]\nurl = 'mysql://x'", "adapter.toml: [store] url: must be a database URL that begins with sqlite:///"),
        ("[mail]\nhost = 'mail.example:25'\nsender = 'a@m.example'", "[mail] host: must be a host's name or address"),
        ("[mail]\nhost = 'mail.example'", "adapter.toml: [mail]: a mail server is set: sender must be"),
        ("[mail]\nhost = 'm.example'\nsender = 'TK <a@m.example>'", "[mail] sender: must be a plain mail address"),
        ("[mail]\nhost = 'm.example'\nsender = 'a@m.example'\nusername = 'x'", "give both username and password"),
        (LOGIN_IN_CLEAR, "would send the password in clear"),
        ("[ops", "adapter.toml: is not TOML"),
        ("[logs]\nformat = 'xml'", "[logs] format: input should be 'auto', 'json' or 'console'"),
        ("[engine]\nretry_first_seconds = 9000", "retry_cap_seconds is shorter than retry_first_seconds"),
        (PAGES + 'public_url = "http://tk.kommun.example"', "public_url: must be https"),
        (PAGES + 'public_url = "tk.kommun.example"', "public_url: must be a URL"),
        (PAGES + 'public_url = "https://me:pw@tk.kommun.example"', "public_url: must be a bare URL"),
        (PAGES + 'pages = false\npublic_url = "https://tk.kommun.example"', "which is off"),
        ('[ops]\npublic_url = "https://tk.kommun.example"', "public_url leads to the status page, which is off"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_file_and_key(place: Path, more: str, told: str) -> None:
    assert told in refusal(place, ONE + more)


def test_a_misspelt_variable_or_secret_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAPTER_LIFECARE__KEYY", "x")
    monkeypatch.setenv("ADAPTER_DRYRUN", "true")
    monkeypatch.setenv("ADAPTER_PORT_8080_TCP_ADDR", "10.0.0.1")
    (place / "secrets").mkdir()
    (place / "secrets/lifecare__kay").write_text("x")
    text = refusal(place, f"secrets_dir = '{place}/secrets'\n" + ONE)
    assert "environment: ADAPTER_LIFECARE__KEYY: there is no setting keyy; did you mean key?" in text
    assert "environment: ADAPTER_DRYRUN: there is no setting dryrun; did you mean dry_run?" in text
    assert "lifecare__kay: there is no setting kay; did you mean key?" in text
    assert "8080" not in text


def test_a_file_or_a_folder_that_is_not_there_is_told_with_its_setting(place: Path) -> None:
    told = refusal(place, ONE.replace('key = "from-the-file"', 'key_file = "nowhere"'))
    assert "nowhere (for [lifecare] key): can't be read: No such file or directory" in told
    told = refusal(place, "secrets_dir = 'nowhere'\n" + ONE.replace('key = "from-the-file"', ""))
    assert "secrets_dir: can't be read: directory" in told
    assert "is required" not in told, "nobody knows what is in it"
    (place / "mapping.toml").unlink()
    assert "mapping.toml is not there" in refusal(place, ONE)


def test_a_group_given_as_one_value_is_told(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAPTER_ENGINE", "fast")
    assert "ADAPTER_ENGINE: is a group" in refusal(place, ONE)
    monkeypatch.delenv("ADAPTER_ENGINE")
    monkeypatch.setenv("ADAPTER_LOGS__LEVEL", "DEBUG")
    told = refusal(place, "logs = 3" + ONE)
    assert "adapter.toml: [logs]: is a group of settings, not a value" in told
    assert "ADAPTER_LOGS" not in told, "what stands elsewhere in the group is not to blame"


@pytest.mark.parametrize(
    "url",
    [
        "http://lifecare.example",
        "lifecare.example",
        "https://me:pw@lc.example",
        "https://x?key=1",
        "https://lc.example:84x43",
        "https://10.0.0.256",
        "https://lc.example:99999",
        "https://lc.exam ple",
        "https://lc.example/?",
        "https://lc.example/#",
    ],
)
def test_a_vendor_is_spoken_to_over_tls_by_a_bare_url(place: Path, url: str) -> None:
    assert "[lifecare] base_url: must be" in refusal(place, ONE.replace("https://lifecare.example/", url))


def test_no_secret_is_in_an_error_a_repr_or_the_masked_settings(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAPTER_STORE__URL", "postgresql://adapter:db-pass-word@db.example/adapter?sslmode=require")
    settings = load_settings(write(place, ONE))
    values = settings.secrets()
    assert set(values) == {"from-the-file", "s3cr3t-value", PSEUDONYM_KEY, "db-pass-word"}
    masked = settings.masked()
    assert masked["store"]["url"] == "postgresql+psycopg://adapter:***@db.example/adapter?sslmode=require"
    assert masked["tenants"]["exempelkommun"]["lifecare"]["domain"] == "exempelkommun"
    monkeypatch.setenv("ADAPTER_STORE__URL", "oracle://adapter:db-pass-word@db.example/adapter")
    monkeypatch.setenv("ADAPTER_PSEUDONYM_KEY", "too-short")
    monkeypatch.setenv("ADAPTER_MAIL__PORT", "s3cr3t-value")
    error = refusal(place, ONE)
    for shown in (repr(settings), str(masked), error):
        assert not [value for value in (*values, "too-short") if value in shown]


def test_settings_are_frozen_and_built_in_code_from_what_is_given_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAPTER_DRY_RUN", "true")
    vendors = {
        "lifecare": {"base_url": "http://127.0.0.1:1", "domain": "d", "key": "k"},
        "phoniro": {"base_url": "http://127.0.0.1:2", "client_id": "c", "client_secret": "s"},
    }
    given = {"tenants": {"exempelkommun": {"mapping_file": "m.toml", **vendors}}}
    settings = Settings.model_validate({"pseudonym_key": PSEUDONYM_KEY, **given})
    assert not settings.dry_run
    with pytest.raises(ValidationError, match="frozen"):
        settings.dry_run = True  # type: ignore[misc]  # what is tested
    with pytest.raises(ValidationError, match="pseudonym_key"):
        Settings.model_validate(given)


def test_the_shipped_configuration_needs_only_secrets_and_a_mapping(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "config", place / "config")
    (place / "config/mapping.toml").touch()
    monkeypatch.setenv("ADAPTER_LIFECARE__KEY", "x")
    monkeypatch.setenv("ADAPTER_PHONIRO__CLIENT_SECRET", "x")
    assert set(load_settings(Path("config/adapter.toml")).tenants) == {"exempelkommun"}


@pytest.mark.parametrize("file", REFERENCES)
def test_what_is_made_from_the_code_is_up_to_date(file: str) -> None:
    """If it fails: python -m tests.generated_docs"""
    assert (DOCS / file).read_text(encoding="utf-8") == REFERENCES[file]()


@pytest.mark.parametrize("name", ["resync", "adopt"])
def test_the_shipped_files_ask_for_nothing_and_their_examples_are_toml(name: str) -> None:
    text = (ROOT / f"config/{name}.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text) == {}
    examples = "\n".join(line[2:] for line in text.splitlines() if re.match(r"# (\[\[|[a-z]+ = )", line))
    assert tomllib.loads(examples)


def test_the_signals_that_can_be_declared_by_hand_are_all_named() -> None:
    text = (ROOT / "config/resync.toml").read_text(encoding="utf-8")
    assert [signal for signal in Signal if signal.value not in text] == []


def test_without_a_settings_file_it_says_so_and_names_init_and_takes_no_example(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "config", place / "config")
    with pytest.raises(SettingsError) as alone:
        load_settings()
    (told,) = alone.value.problems
    assert "there is no settings file" in told
    assert "`adapter init`" in told
    monkeypatch.setenv("ADAPTER_TENANT", "exempelkommun")
    with pytest.raises(SettingsError) as by_environment:
        load_settings()
    assert by_environment.value.problems[0] == told
    assert any("base_url" in problem for problem in by_environment.value.problems)


def test_byte_order_marks_of_windows_editors_are_no_part_of_a_file_or_a_secret(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = ONE.replace('key = "from-the-file"\n', "").replace('client_secret = "s3cr3t-value"\n', "")
    (place / "secrets").mkdir()
    for file in ("secrets/phoniro__client_secret", "key"):
        (place / file).write_text("s3cr3t\r\n", encoding="utf-8-sig")
    (place / "adapter.toml").write_text(f'secrets_dir = "secrets"\n{text}', encoding="utf-8-sig")
    monkeypatch.setenv("ADAPTER_LIFECARE__KEY_FILE", "key")
    settings = load_settings(place / "adapter.toml")
    assert lifecare_key(settings) == "s3cr3t"
    assert settings.tenants["exempelkommun"].phoniro.client_secret.get_secret_value() == "s3cr3t"


def test_the_variables_that_kubernetes_sets_for_services_are_not_ours_and_slips_still_are_told(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "ADAPTER_SERVICE_HOST": "10.0.0.1",
        "ADAPTER_PORT": "tcp://10.0.0.1:8080",
        "ADAPTER_OPS_SERVICE_HOST": "10.0.0.1",
        "ADAPTER_OPS_SERVICE_PORT": "8080",
        "ADAPTER_OPS_SERVICE_PORT_HTTP": "8080",
        "ADAPTER_OPS_PORT": "tcp://10.0.0.1:8080",
        "ADAPTER_OPS_PORT_8080_TCP": "tcp://10.0.0.1:8080",
        "ADAPTER_OPS_PORT_8080_TCP_PROTO": "tcp",
        "ADAPTER_OPS_PORT_8080_TCP_PORT": "8080",
        "ADAPTER_OPS_PORT_8080_TCP_ADDR": "10.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    assert load_settings(write(place, ONE)).ops.port == 8080
    monkeypatch.setenv("ADAPTER_OPS_PORT", "9090")
    assert "environment: ADAPTER_OPS_PORT" in refusal(place, ONE)


def test_a_proxy_and_a_private_authority_are_settings_of_each_vendor_and_of_mail(place: Path) -> None:
    trustme.CA().cert_pem.write_to_path(place / "ca.pem")
    way = 'proxy = "http://ada:l0sen@proxy.example:3128"\nca_file = "ca.pem"\n'
    text = ONE.replace("[lifecare]\n", f"[lifecare]\n{way}").replace("[phoniro]\n", f"[phoniro]\n{way}")
    settings = load_settings(write(place, f'{text}[mail]\nhost = "mx.example"\nsender = "a@kommun.example"\n{way}'))
    assert "http://ada:l0sen@proxy.example:3128" in settings.secrets()
    assert "l0sen" not in str(settings.masked())
    told = refusal(place, text.replace("http://ada", "socks://ada").replace("ca.pem", "mapping.toml"))
    assert "[lifecare] proxy: must be a proxy's address" in told
    assert "[phoniro] ca_file: must name a file of certificates" in told
    assert "l0sen" not in told


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("postgresql://a@db.example/a", False),
        ("postgresql+psycopg://a@db.example/a?sslmode=prefer", False),
        ("postgresql://a@localhost,db.example/a", False),
        ("postgresql:///a?host=db.example", False),
        ("postgresql:///a?hostaddr=192.0.2.7", False),
        ("postgresql:///a?host=localhost&host=db.example", False),
        ("postgresql://a@db.example/a?sslmode=require", True),
        ("postgresql://a@db.example/a?sslmode=verify-full&sslrootcert=ca.pem", True),
        ("postgresql://a@127.0.0.1/a", True),
        ("postgresql:///a?host=/run/postgresql", True),
        ("postgresql:///a", True),
    ],
)
def test_a_database_on_another_host_is_reached_by_tls_or_by_who_says_that_it_need_not(
    place: Path, monkeypatch: pytest.MonkeyPatch, url: str, taken: bool
) -> None:
    monkeypatch.setenv("ADAPTER_STORE__URL", url)
    if taken:
        load_settings(write(place, ONE))
        return
    assert "sslmode=verify-full" in refusal(place, ONE)
    monkeypatch.setenv("ADAPTER_STORE__UNENCRYPTED", "true")
    load_settings(write(place, ONE))


def test_what_the_url_leaves_open_the_environment_says(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAPTER_STORE__URL", "postgresql:///a")
    monkeypatch.setenv("PGHOST", "db.example")
    assert "without TLS" in refusal(place, ONE)
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    load_settings(write(place, ONE))


def test_a_certificate_of_ones_own_comes_with_its_key(place: Path) -> None:
    ca = trustme.CA()
    mine, other = ca.issue_cert("adapter.example"), ca.issue_cert("other.example")
    mine.private_key_pem.write_to_path(place / "key.pem")
    other.private_key_pem.write_to_path(place / "other.pem")
    mine.cert_chain_pems[0].write_to_path(place / "cert.pem")
    mine.private_key_and_cert_chain_pem.write_to_path(place / "both.pem")

    def settings(**files: str) -> str:
        lines = "".join(f'{name} = "{place / file}"\n' for name, file in files.items())
        return ONE.replace("[lifecare]\n", f"[lifecare]\n{lines}")

    load_settings(write(place, settings(cert_file="cert.pem", cert_key_file="key.pem")))
    load_settings(write(place, settings(cert_file="both.pem")))
    for wrong in ({"cert_file": "cert.pem"}, {"cert_file": "cert.pem", "cert_key_file": "other.pem"}):
        assert "certificate and its own key" in refusal(place, settings(**wrong))
    assert "cert_file must name" in refusal(place, settings(cert_key_file="key.pem"))


@pytest.mark.parametrize("url", ["https://tk.kommun.example/", "http://127.0.0.1:8080"])
def test_the_status_page_is_reached_over_tls_or_on_the_machine_itself(place: Path, url: str) -> None:
    settings = load_settings(write(place, f'{ONE}{PAGES}public_url = "{url}"'))
    assert settings.ops.public_url == url.rstrip("/")
