"""Journal notes: what the adapter writes (LA3, LA4), what people write, and what becomes of notes afterwards (LA7)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from connectors.mock.lifecare import catalogue
from connectors.mock.lifecare.acts import CareActs
from connectors.mock.lifecare.catalogue import Personnel
from connectors.mock.lifecare.rendering import Invalid, read_body, rtf
from connectors.mock.lifecare.table import utc

_BY_ID: Final = {person.id: person for person in catalogue.PERSONNEL.values()}
_BY_SIGNATURE: Final = {person.signature: person for person in catalogue.PERSONNEL.values()}
_WRITTEN_UNDER: Final = {heading.provider_headline_id: heading.key for heading in catalogue.HEADINGS.values()}
_SECONDS: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,7})?(Z|[+-]\d{2}:\d{2})?")
T = TypeVar("T")


def _instant(value: Any) -> datetime:
    """An instant with seconds (L16); without an offset it is UTC, as the fields' names say. Raises ValueError."""
    if not isinstance(value, str) or not _SECONDS.fullmatch(value):
        raise ValueError("the value is not a date and time with seconds")
    parsed = datetime.fromisoformat(value)
    return utc(parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC))


Instant = Annotated[datetime, BeforeValidator(_instant)]


class NoteRequest(BaseModel):
    """The body of ``POST /api/v2/provider_notes``; fields that the simulation doesn't use are let through."""

    model_config = ConfigDict(strict=True, alias_generator=to_camel)

    occurrence_time_utc: Instant
    text: str = Field(min_length=1)
    client_id: int
    provider_unit_id: int
    headline_id: int
    created_personnel_id: int
    created_personnel_title: str = Field(min_length=1)
    execution_id: int | None = None
    created_date_time_utc: Instant | None = None
    is_signed: bool | None = None


@dataclass(frozen=True, slots=True)
class WrittenNote:
    """A note that came in through the API. ``heading`` is the catalogue's key, or the provider headline's id as text
    where the catalogue has no key; ``documentation_id`` is None where it can't be read back."""

    note_id: int
    documentation_id: str | None
    written: datetime
    person_id: str
    client_id: int
    heading: str
    unit_id: int
    execution_id: int | None
    personnel_id: int
    text: str


class NoteActs(CareActs):
    """Everything about notes. There is no idempotency: the same request twice makes two notes (LA4)."""

    _written: list[WrittenNote]

    def reset(self) -> None:
        """Forget everything, the notes that came in too."""
        super().reset()
        self._written = []

    def notes_written(self) -> list[WrittenNote]:
        """The notes that came in through the API, oldest first."""
        return list(self._written)

    def note_as(
        self,
        who: str,
        execution_id: int | None,
        heading: str,
        text: str,
        *,
        created: datetime | None = None,
        occurred: datetime | None = None,
    ) -> str:
        """A person writes a note; returns its documentation id.

        ``who`` is a key of the catalogue's personnel or a signature; ``heading`` a key of its headings or the id that
        notes are read by. ``created`` is an instant, by default now.
        """
        author = catalogue.PERSONNEL.get(who) or _BY_SIGNATURE.get(who) or Personnel(who, 0, who, who, "", "", "OKÄND")
        known = catalogue.HEADINGS.get(heading)
        return self._documentation(
            text,
            _author(author),
            HeadlineId=known.headline_id if known else heading,
            ExecutionId=execution_id,
            CreatedTime=utc(created) if created else self.now(),
            OccurrenceTime=utc(occurred) if occurred else None,
        )

    def error_mark(self, note_id: str, who: str = "coordinator") -> None:
        """Mark a note as written in error; its text and status stay."""
        marked = {"ErrorMarkedSignature": catalogue.PERSONNEL[who].signature, "ErrorMarkedTime": self.now()}
        self._touch("documentations", note_id, ErrorMarked=True, **marked)

    def replace_note(self, note_id: str, text: str, *, created: datetime | None = None) -> str:
        """Edit a note: the old one becomes history and a new one takes its place, whose id is returned."""
        old = self.row("documentations", note_id)
        new_id = self._documentation(
            text,
            old,
            OriginId=old["OriginId"] or note_id,
            PreviousHistoryId=note_id,
            CreatedTime=utc(created) if created else self.now(),
            UpdatedSignature=old["CreatedSignature"],
        )
        self._touch("documentations", note_id, Status="History", NextHistoryId=new_id)
        return new_id

    def delete_note(self, note_id: str, *, vanished: bool = False) -> None:
        """Delete a note: with the status ``Deleted``, or without a trace."""
        if vanished:
            self.vanish("documentations", note_id)
        else:
            self.delete("documentations", note_id)

    def write_note(self, body: bytes) -> dict[str, Any]:
        """``POST /api/v2/provider_notes``: the note as the vendor answers it. Raises Invalid."""
        asked = read_body(NoteRequest, body, "createRequest")
        client, headline, author = self._parties(asked)
        now, signed = self.now(), bool(asked.is_signed)
        created = asked.created_date_time_utc or now
        signature = {"SignedSignature": author.signature, "SignedTime": now} if signed else {}
        heading_id = self.settings.read_back.get(asked.headline_id)
        documentation_id = heading_id and self._documentation(
            asked.text,
            {**_author(author), **signature},
            HeadlineId=heading_id,
            ExecutionId=asked.execution_id,
            CreatedTime=created,
            OccurrenceTime=asked.occurrence_time_utc,
        )
        written = WrittenNote(
            note_id=self._next("note"),
            documentation_id=documentation_id,
            written=now,
            person_id=client["PersonId"],
            client_id=asked.client_id,
            heading=_WRITTEN_UNDER.get(asked.headline_id, str(asked.headline_id)),
            unit_id=asked.provider_unit_id,
            execution_id=asked.execution_id,
            personnel_id=author.id,
            text=asked.text,
        )
        self._written.append(written)
        by = {"personnelId": author.id, "firstName": author.first_name, "lastName": author.last_name}
        by |= {"title": asked.created_personnel_title, "roleId": author.role_id}
        return {
            "id": written.note_id,
            "unitId": written.unit_id,
            "occurrenceTimeUtc": asked.occurrence_time_utc,
            "createdBy": {**by, "dateTimeUtc": created},
            "text": written.text,
            "headline": headline["Name"],
            "errorMarkedBy": None,
            "clientId": written.client_id,
            "clientFirstName": client["FirstName"],
            "clientLastName": client["LastName"],
            "clientPersonId": written.person_id,
            "signedBy": {**by, "dateTimeUtc": now} if signed else None,
        }

    def _parties(self, asked: NoteRequest) -> tuple[Mapping[str, Any], Mapping[str, Any], Personnel]:
        """The client, heading and author of a note. Raises Invalid if one of them, the unit or the execution does
        not exist or is no longer active."""
        clients = [row for row in self.tables["clients"].where("Id", asked.client_id) if not row.hidden | row.deleted]
        client = there(clients[0].data if clients else None, "clientId")
        unit = self.tables["provider_units"].get(asked.provider_unit_id)
        there(unit if unit and unit.data["Active"] else None, "providerUnitId")
        headline = self.tables["provider_headlines"].get(asked.headline_id)
        heading = there(headline.data if headline and headline.data["IsActive"] else None, "headlineId")
        author = there(_BY_ID.get(asked.created_personnel_id), "createdPersonnelId")
        if asked.execution_id is not None:
            execution = self.tables["executions"].get(asked.execution_id)
            theirs = execution is not None and execution.data["PersonId"] == client["PersonId"]
            there(execution if theirs else None, "executionId")
        return client, heading, author

    def _documentation(self, note_text: str, about: Mapping[str, Any], **fields: Any) -> str:
        number = self._next("documentation")
        text = note_text if number % 2 else rtf(note_text)
        self._add("documentations", **{**about, **fields, "Id": f"{number}", "Text": text, "PlainText": note_text})
        return f"{number}"


def _author(person: Personnel) -> dict[str, Any]:
    name = f"{person.first_name} {person.last_name}"
    return {"CreatedSignature": person.signature, "CreatedName": name, "CreatedRoleId": person.role_id}


def there(found: T | None, name: str) -> T:
    """What was found. Raises Invalid where there is nothing."""
    if found is None:
        raise Invalid(f"Invalid argument: {name}. It does not exist for the client, or is not active.")
    return found
