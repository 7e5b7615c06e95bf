"""What a new user sees first."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adapter.cli import app as module
from adapter.cli.app import COMMANDS, app
from adapter.store.database import Database


def test_help_names_every_command_in_the_order_in_which_they_are_needed_and_where_to_begin() -> None:
    told = CliRunner().invoke(app, ["--help"]).output
    listed = [line.split()[0] for line in told.partition("Commands:")[2].splitlines() if line.startswith("  ")]
    assert listed[: len(COMMANDS)] == list(COMMANDS)
    assert listed[:3] == ["init", "check", "run"]
    assert "adapter demo" in told
    assert "docs/settings.md" in told


@pytest.mark.parametrize("group", ["", "case", "db", "resync", "config", "logs", "audit", "times"])
def test_what_each_command_is_for_fits_on_its_line(group: str) -> None:
    told = CliRunner(env={"COLUMNS": "80"}).invoke(app, [*group.split(), "--help"]).output
    assert "..." not in told.partition("Commands:")[2]


WITH_SETTINGS = [
    *("run --once", "check", "case list", "case show TK-7F3K2M", "case document TK-7F3K2M", "plan TK-7F3K2M"),
    *("resync list", "resync show some-id", "resync add --scope everything --who IT --why test"),
    *(
        "compare",
        "adopt",
        "followup",
        "purge",
        "config show",
        "db status",
        "db upgrade",
        "db backup copy.db",
        "db restored",
    ),
]


@pytest.mark.parametrize("command", WITH_SETTINGS)
def test_settings_that_can_not_be_used_are_told_in_words_by_every_command(command: str, tmp_path: Path) -> None:
    wrong = tmp_path / "adapter.toml"
    wrong.write_text("[engine]\npol_seconds = 3\n")
    result = CliRunner().invoke(app, [*command.split(), "--config", str(wrong)])
    assert result.exit_code in (1, 2)
    assert isinstance(result.exception, SystemExit), result.exception
    assert "did you mean poll_seconds?" in " ".join(result.output.split())


@pytest.mark.parametrize("command", [*COMMANDS, "case list", "db upgrade", "config show", "resync add", "logs explain"])
def test_every_command_explains_itself(command: str) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--help"])
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 5


@pytest.mark.parametrize("wrong", ["guide nobody", "resync add --scope open --who IT --why test --mode perhaps"])
def test_a_choice_that_there_is_not_is_told_with_those_that_there_are(wrong: str) -> None:
    result = CliRunner().invoke(app, wrong.split())
    assert result.exit_code == 2
    assert f": '{wrong.split()[-1]}' is not one of '" in " ".join(result.output.split()), result.output


def test_help_loads_nothing_heavy() -> None:
    heavy = {"sqlalchemy", "pydantic", "httpx", "aiohttp", "rich.table", "alembic"}
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from adapter.cli.app import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        f"sys.exit(' '.join({heavy!r} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_start_on_a_current_schema_loads_no_migrations(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/adapter.db"
    db = Database(url, inline=True)
    db.upgrade()
    db.close()
    code = (
        "import sys, adapter.cli.run\n"
        "from adapter.store.database import Database, usable\n"
        f"assert usable(*Database({url!r}).schema())\n"
        "sys.exit('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_unexpected_error_is_told_without_a_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise KeyError("19900101TF03")

    monkeypatch.setattr(module, "app", broken)
    with pytest.raises(SystemExit) as ended:
        module.main()
    told = capsys.readouterr().err
    assert ended.value.code == 70
    assert "KeyError" in told
    assert "19900101TF03" not in told
    assert "Traceback" not in told


def test_a_terminal_that_knows_no_check_marks_is_no_error(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "adapter", "check", "--config", str(tmp_path / "none.toml")],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (1, 2), done.stderr
    assert "? configuration" in done.stdout


_INTERRUPTED = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever is started in the background ignores it
class Interrupts:
    def find_spec(self, name, *_):
        if name == "adapter.cli.app":
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Interrupts())
from adapter.cli import main
main()
"""


def test_ctrl_c_while_the_program_is_read_in_ends_it_without_a_word() -> None:
    ended = subprocess.run([sys.executable, "-c", _INTERRUPTED], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout + ended.stderr) == (-signal.SIGINT, "")
