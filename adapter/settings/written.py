"""The settings as people write them: which names there are, and which known one a wrong one is most like."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from adapter.settings.model import (
    DEFAULT_TENANT,
    LifecareSettings,
    MailSettings,
    PhoniroSettings,
    Settings,
    TenantSettings,
)

PREFIX = "ADAPTER_"

Keys = tuple[str, ...]
"""Where a setting stands: its groups' names and its own."""


class Written(Settings, BaseSettings):
    """The settings as people write them: one municipality at the top level, or several under ``tenants``."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__")

    tenant: str = Field(
        DEFAULT_TENANT, description="The municipality's name; it stays in the database, so choose once."
    )
    lifecare: LifecareSettings | None = Field(None, description="The case system.")
    phoniro: PhoniroSettings | None = Field(None, description="The camera platform.")
    mail: MailSettings | None = Field(None, description="Mail.")
    mapping_file: Path | None = Field(None, description=TenantSettings.model_fields["mapping_file"].description)
    secrets_dir: Path | None = Field(
        None, description="A folder with one file per secret, named as `lifecare__key` or `pseudonym_key`."
    )


TENANT_KEYS = tuple(TenantSettings.model_fields)
HIDDEN = ("demo",)


def known(model: type[BaseModel] = Written) -> dict[str, Any]:
    """All keys that may be written, as a tree; ``None`` is a leaf, ``*`` stands for a municipality's name."""
    tree: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if name in HIDDEN:
            continue
        group = group_of(field.annotation)
        tree[name] = {"*": known(TenantSettings)} if name == "tenants" else known(group) if group else None
    return tree


def group_of(annotation: object) -> type[BaseModel] | None:
    """The group of settings that a field's annotation names, if it does."""
    for candidate in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def dotted(path: Keys) -> str:
    """``[engine] poll_seconds`` or ``[engine]``, as it stands in TOML."""
    if len(path) == 1:
        return f"[{path[0]}]" if known().get(path[0]) else path[0]
    return f"[{'.'.join(path[:-1])}] {path[-1]}"


def nearest(path: Keys) -> tuple[str, str | None] | None:
    """The unknown part of the path and the known name that is most like it; None if the path names a setting."""
    tree: dict[str, Any] | None = known()
    for part in path:
        if tree is None:
            return part, None
        if "*" not in tree and part not in tree:
            return part, next(iter(get_close_matches(part, tree, 1, 0.5)), None)
        tree = tree["*"] if "*" in tree else tree[part]
    return None


def no_such(path: Keys) -> str:
    part, meant = nearest(path) or (path[-1], None)
    return f"there is no setting {part}" + (f"; did you mean {meant}?" if meant else "")
