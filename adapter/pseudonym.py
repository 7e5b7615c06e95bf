"""A person's name outside the database: a keyed pseudonym (P8)."""

import hashlib
import hmac
import re


def pseudonym(key: bytes, person_id: str) -> str:
    """A name for a person that only the holder of ``key`` can make: ``p-`` and ten hexadecimal digits.

    Hyphenated or not, a number gives the same one. It never is digits alone, which would look like a number to redact.
    """
    plain = re.sub(r"[\s-]", "", person_id).upper()
    digest = hmac.new(key, b"person:" + plain.encode(), hashlib.sha256).hexdigest()
    return "p-" + next(part for n in range(len(digest)) if not (part := digest[n : n + 10]).isdigit())
