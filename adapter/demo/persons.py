"""The invented persons of the demo. Test numbers only, as Lifecare itself marks them (L13)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from connectors.mock.lifecare.simulator import SimulatedLifecare

STOCKHOLM = ZoneInfo("Europe/Stockholm")


@dataclass(frozen=True, slots=True)
class Person:
    """``colour`` is that of the timeline; everything else but ``life`` is what Lifecare knows of the person."""

    life: str
    colour: str
    person_id: str
    first_name: str
    last_name: str
    street: str
    phone: str
    entry_code: str

    def personal_values(self) -> Iterator[str]:
        """Everything personal, in every shape in which it could turn up (P8)."""
        day, tail = self.person_id[:8], self.person_id[8:]
        for head in (day, day[2:]):
            yield from (f"{head}{tail}", f"{head}-{tail}", f"{head}%2D{tail}", f"{head}+{tail}", f"{head} {tail}")
        yield from (self.first_name, self.last_name, self.street, self.street.replace(" ", "%20"), self.entry_code)
        digits = self.phone.replace("-", "")
        yield from (self.phone, digits, "+46" + digits[1:])


# fmt: off
ASTRID = Person("hela vägen in och ut", "cyan",
                "19310412TF01", "Astrid", "Provbergius", "Provstigen 11", "070-1740605", "KOD4711A")
BERTIL = Person("återtagen före installationen", "magenta",
                "19350829TF02", "Bertil", "Provlundius", "Provbacken 22", "070-1740606", "KOD4712B")
CECILIA = Person("skyddad identitet, nycklar behövs", "yellow",
                 "19401103TF03", "Cecilia", "Provgrenius", "Provliden 33", "070-1740607", "KOD4713C")
# fmt: on
PERSONS = (ASTRID, BERTIL, CECILIA)


def seed_fields(person: Person) -> dict[str, str]:
    """What ``seed_person`` takes."""
    return {name: getattr(person, name) for name in ("first_name", "last_name", "street", "phone", "entry_code")}


def days_ago(days: int, now: datetime) -> date:
    """The calendar date so many days before ``now``."""
    return now.astimezone(STOCKHOLM).date() - timedelta(days=days)


def seed_for_trial(lifecare: SimulatedLifecare, now: datetime) -> None:
    """The persons with an order each, for somebody who wants to play the coordinator and the alarm team."""
    for person in PERSONS:
        lifecare.seed_person(person.person_id, **seed_fields(person))
        lifecare.order(person.person_id, start=days_ago(3, now))
    lifecare.protect(CECILIA.person_id)
