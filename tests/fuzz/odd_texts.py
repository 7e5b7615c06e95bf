"""Odd texts made of good ones: the same ones for the same seed."""

import random

BITS = [
    *(sign.encode() for sign in " \n\r=\"'[]{}\\#,.\x00"),
    *(b"", b"\xff", b"\xed\xa0\xbd", b"\xef\xbb\xbf", b"\xe2\x80\xae", b"\xc3\xa5" * 300, b"x" * 70_000),
    *(b"true", b"null", b"nan", b"-inf", b"9" * 5000, b"-1", b"0x", b"1e999", b'"\\ud83d"', b"'''", b'"""'),
    *(b"0001-01-01", b"9999-12-31T23:59:59-23:59", b"24:00", b"2026-02-30"),
    *(b"[" * 3000, b"{a=" * 400, b"[[x]]\n", b"[a.b.c]\n", b"a=1\na=1\n"),
    *(b"../../etc/passwd", b"{{ 7*7 }}", b"%s%n"),
]


def mutated(good: bytes, rng: random.Random) -> bytes:
    """One to four slips: a part cut out, said twice, moved, or something odd in its place."""
    text = good
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        lines = text.split(b"\n")
        at = rng.randrange(len(lines))
        match rng.randrange(7):
            case 0:
                del lines[at]
            case 1:
                lines.insert(rng.randrange(len(lines)), lines[at])
            case 2:
                lines[at] = _cut(lines[at], rng)
            case 3:
                name, _, _ = lines[at].partition(b"=")
                lines[at] = name + b"= " + rng.choice(BITS)
            case 4:
                lines[at] = rng.choice(BITS) + lines[at]
            case 5:
                other = rng.randrange(len(lines))
                lines[at], lines[other] = lines[other], lines[at]
            case _:
                lines[at] = _cut(lines[at], rng) + rng.choice(BITS) + _cut(lines[at], rng)
        text = b"\n".join(lines)
    return text


def _cut(line: bytes, rng: random.Random) -> bytes:
    begin, end = sorted((rng.randrange(len(line) + 1), rng.randrange(len(line) + 1)))
    return line[:begin] + line[end:]
