"""The settings: ``load`` reads them, ``model`` is what they are, ``docs/settings.md`` describes them."""
