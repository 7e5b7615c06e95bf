"""Operations over HTTP: health, metrics, the webhook and the status page. No vendor is known here."""
