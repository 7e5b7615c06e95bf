"""The settings: ``load_settings`` reads them, ``Settings`` is what they are, ``docs/settings.md`` describes them."""

from adapter.settings.load import SettingsError, load_settings
from adapter.settings.model import (
    EngineSettings,
    LifecareSettings,
    LogSettings,
    MailSettings,
    OidcSettings,
    OpsSettings,
    PhoniroSettings,
    Settings,
    StoreSettings,
    TenantSettings,
)

__all__ = [
    "EngineSettings",
    "LifecareSettings",
    "LogSettings",
    "MailSettings",
    "OidcSettings",
    "OpsSettings",
    "PhoniroSettings",
    "Settings",
    "SettingsError",
    "StoreSettings",
    "TenantSettings",
    "load_settings",
]
