"""What is wrong with the settings, in words for the person who edits them; never a value, which could be a secret."""

from __future__ import annotations


class SettingsError(Exception):
    """The settings can't be used. ``problems`` has one line per thing to mend, each naming where and what."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        many = "1 thing" if len(problems) == 1 else f"{len(problems)} things"
        lines = "\n".join(f"  - {problem}" for problem in problems)
        super().__init__(
            f"The settings can't be used. {many} to mend:\n{lines}\n"
            "All settings are described in docs/settings.md. An adapter that runs goes on with those that it has."
        )
