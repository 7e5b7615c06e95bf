"""Messages and mails, written from the content of an act (``What``): one template for each ``Letter`` and mail, in
``sv``.

A message says only what is in the act's content. Nothing personal is in it, so a message names nobody.
"""
