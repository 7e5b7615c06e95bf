"""The alert rules, checked by Prometheus' own tool, and that their metrics exist."""

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.ops.conftest import Site

RULES = Path(__file__).parents[2] / "deploy" / "prometheus"
_groups = yaml.safe_load((RULES / "alerts.yml").read_text(encoding="utf-8"))["groups"]
ALERTS = {rule["alert"]: rule for group in _groups for rule in group["rules"]}
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="ALERTS NOT TESTED: promtool isn't here (Debian's package prometheus has it)"
)


def promtool(*arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    assert PROMTOOL is not None
    return subprocess.run([PROMTOOL, *arguments], cwd=RULES, input=given, capture_output=True, text=True, check=False)


def runbook_by_alert() -> dict[str, str]:
    """What the runbook says under each alert's heading."""
    text = (RULES.parents[1] / "docs" / "operations.md").read_text(encoding="utf-8")
    _, *parts = text.partition("## By alert")[2].partition("\n## ")[0].split("\n### ")
    return {name: said for name, _, said in (part.partition("\n") for part in parts)}


@needs_promtool
def test_the_rules_are_sound() -> None:
    done = promtool("check", "rules", "alerts.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_each_alert_fires_when_it_should_and_not_before() -> None:
    """Slow, as each rule is evaluated for each minute of more than a day."""
    done = promtool("test", "rules", "alerts_test.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_test() -> None:
    tests = yaml.safe_load((RULES / "alerts_test.yml").read_text(encoding="utf-8"))["tests"]
    tested = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case["exp_alerts"]}
    assert ALERTS.keys() == tested


def test_every_alert_links_to_its_own_heading_of_the_runbook() -> None:
    headings = runbook_by_alert()
    for name, rule in ALERTS.items():
        assert rule["annotations"]["runbook_url"].endswith(f"/docs/operations.md#{name.lower()}")
        assert "- Do: " in headings[name]


@needs_promtool
async def test_the_metrics_are_as_prometheus_wants_them(site: Site) -> None:
    await site.world.cycle()
    async with site.client() as client:
        text = (await client.get("/metrics")).text
    done = promtool("check", "metrics", given=text)
    assert done.returncode == 0, done.stdout + done.stderr


async def test_every_metric_that_an_alert_asks_for_or_the_dashboard_shows_is_told(site: Site) -> None:
    await site.world.taken_in()
    site.ops.calls.record("exempel", "lifecare", "GET orders", 200, "ok", 0.1)
    async with site.client() as client:
        text = (await client.get("/metrics")).text
    dashboard = (RULES.parent / "grafana" / "dashboard.json").read_text(encoding="utf-8")
    shown = " ".join(re.findall(r'"expr": "(.*?)"', dashboard))
    asked = re.findall(r"adapter_[a-z_]+", shown + (RULES / "alerts.yml").read_text(encoding="utf-8"))
    described = re.findall(r"^# TYPE (adapter_[a-z_]+) ", text, re.MULTILINE)
    plain = [{re.sub("_(total|bucket)$", "", name) for name in names} for names in (asked, described)]
    assert plain[0] - plain[1] == set()
    series = Counter(line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#"))
    assert [name for name, times in series.items() if times > 1] == [], "Prometheus takes each series once"
