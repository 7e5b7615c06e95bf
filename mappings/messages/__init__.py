"""Messages and mails, rendered from what an act says (``What``): one template per ``Letter`` in ``sv``.

Whatever a message says comes from the act's content, in which nothing is personal; so a message names nobody, whether
their identity is protected or not.
"""

from mappings.messages.render import LONGEST, MessageError, mark, render_letter, render_mail

__all__ = ["LONGEST", "MessageError", "mark", "render_letter", "render_mail"]
