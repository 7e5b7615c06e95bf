"""Journal notes: what the adapter writes (LA3, LA4), what people write, and what becomes of notes afterwards (LA7)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.mock.lifecare import catalogue
from connectors.mock.lifecare.care import CareActs
from connectors.mock.lifecare.catalogue import Personnel
from connectors.mock.lifecare.quirks import rtf
from connectors.mock.lifecare.table import utc

_PERSONNEL = {person.id: person for person in catalogue.PERSONNEL.values()}
_SIGNATURES = {person.signature: person for person in catalogue.PERSONNEL.values()}
_WRITTEN_UNDER = {heading.provider_headline_id: heading.key for heading in catalogue.HEADINGS.values()}
REQUIRED: Mapping[str, type] = {
    "occurrenceTimeUtc": str,
    "text": str,
    "clientId": int,
    "providerUnitId": int,
    "headlineId": int,
    "createdPersonnelId": int,
    "createdPersonnelTitle": str,
}
_SECONDS = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,7})?(Z|[+-]\d{2}:\d{2})?")
_BLANK: Mapping[str, Any] = {
    "Id": None,
    "HeadlineId": None,
    "ParentId": None,
    "Status": "Current",
    "ContentType": "Text",
    "Text": None,
    "PlainText": None,
    "CreatedSignature": None,
    "CreatedTime": None,
    "CreatedName": None,
    "CreatedRoleId": None,
    "SignedSignature": None,
    "SignedTime": None,
    "ExecutionId": None,
    "OccurrenceTime": None,
    "EndTime": None,
    "ErrorMarked": False,
    "ErrorMarkedSignature": None,
    "ErrorMarkedTime": None,
    "UpdatedSignature": None,
    "OriginId": None,
    "NextHistoryId": None,
    "PreviousHistoryId": None,
}
_OPTIONAL: Mapping[str, type] = {"executionId": int, "createdDateTimeUtc": str, "isSigned": bool}


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


@dataclass(frozen=True, slots=True)
class _Parties:
    client: Mapping[str, Any]
    headline: Mapping[str, Any]
    author: Personnel
    execution_id: int | None


class NoteRefused(Exception):
    """The request is refused with 400. ``fields`` are ASP.NET's ``ModelState``, where fields are malformed."""

    def __init__(self, message: str, fields: Mapping[str, list[str]] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields


class NoteActs(CareActs):
    """Everything about notes. There is no idempotency: the same request twice makes two notes (LA4)."""

    _written: list[WrittenNote]

    def _empty(self) -> None:
        super()._empty()
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
        notes are read by. ``created`` is an instant, now where nothing is said.
        """
        author = catalogue.PERSONNEL.get(who) or _SIGNATURES.get(who) or Personnel(who, 0, who, who, "", "", "OKÄND")
        known = catalogue.HEADINGS.get(heading)
        return self._documentation(
            {
                "HeadlineId": known.headline_id if known else heading,
                "Text": text,
                **_author(author),
                "ExecutionId": execution_id,
                "CreatedTime": utc(created) if created else self.now(),
                "OccurrenceTime": utc(occurred) if occurred else None,
            }
        )

    def error_mark(self, note_id: str, who: str = "coordinator") -> None:
        """Mark a note as written in error; its text and status stay."""
        marked = {"ErrorMarkedSignature": catalogue.PERSONNEL[who].signature, "ErrorMarkedTime": self.now()}
        self._touch("documentations", note_id, {"ErrorMarked": True, **marked})

    def replace_note(self, note_id: str, text: str, *, created: datetime | None = None) -> str:
        """Edit a note: the old one becomes history and a new one takes its place, whose id is returned."""
        old = dict(self.row("documentations", note_id))
        linked = {"OriginId": old["OriginId"] or note_id, "PreviousHistoryId": note_id}
        edited = {"CreatedTime": utc(created) if created else self.now(), "UpdatedSignature": old["CreatedSignature"]}
        new_id = self._documentation({**old, **edited, **linked, "Text": text})
        self._touch("documentations", note_id, {"Status": "History", "NextHistoryId": new_id})
        return new_id

    def delete_note(self, note_id: str, *, vanished: bool = False) -> None:
        """Delete a note: with the status ``Deleted``, or without a trace."""
        if vanished:
            self.vanish("documentations", note_id)
        else:
            self.delete("documentations", note_id)

    def _write_note(self, request: Any) -> dict[str, Any]:
        """``POST /api/v2/provider_notes``: the note as the vendor answers it. Raises NoteRefused."""
        fields = _checked(request)
        to = self._parties(fields)
        now = self.now()
        created = _instant(fields["createdDateTimeUtc"]) if fields.get("createdDateTimeUtc") else now
        occurred = _instant(fields["occurrenceTimeUtc"])
        signed = bool(fields.get("isSigned"))
        note = {
            **_author(to.author),
            "Text": fields["text"],
            "ExecutionId": to.execution_id,
            "OccurrenceTime": occurred,
        }
        heading_id = self.settings.read_back.get(fields["headlineId"])
        if signed:
            note |= {"SignedSignature": to.author.signature, "SignedTime": now}
        written = WrittenNote(
            note_id=self._next("note"),
            documentation_id=heading_id
            and self._documentation({**note, "HeadlineId": heading_id, "CreatedTime": created}),
            written=now,
            person_id=to.client["PersonId"],
            client_id=to.client["Id"],
            heading=_WRITTEN_UNDER.get(fields["headlineId"], str(fields["headlineId"])),
            unit_id=fields["providerUnitId"],
            execution_id=to.execution_id,
            personnel_id=to.author.id,
            text=fields["text"],
        )
        self._written.append(written)
        by = {"personnelId": to.author.id, "firstName": to.author.first_name, "lastName": to.author.last_name}
        by |= {"title": fields["createdPersonnelTitle"], "roleId": to.author.role_id}
        return {
            "id": written.note_id,
            "unitId": written.unit_id,
            "occurrenceTimeUtc": occurred,
            "createdBy": {**by, "dateTimeUtc": created},
            "text": written.text,
            "headline": to.headline["Name"],
            "errorMarkedBy": None,
            "clientId": written.client_id,
            "clientFirstName": to.client["FirstName"],
            "clientLastName": to.client["LastName"],
            "clientPersonId": written.person_id,
            "signedBy": {**by, "dateTimeUtc": now} if signed else None,
        }

    def _parties(self, fields: Mapping[str, Any]) -> _Parties:
        clients = [row for row in self.tables["clients"].where("Id", fields["clientId"]) if not row.hidden]
        if not clients or clients[0].deleted:
            raise NoteRefused("Invalid argument: clientId. The client does not exist.")
        client = clients[0].data
        unit = self.tables["provider_units"].get(fields["providerUnitId"])
        if unit is None or not unit.data["Active"]:
            raise NoteRefused("Invalid argument: providerUnitId. The provider unit does not exist or is not active.")
        headline = self.tables["provider_headlines"].get(fields["headlineId"])
        if headline is None or not headline.data["IsActive"]:
            raise NoteRefused("Invalid argument: headlineId. The headline does not exist or is not active.")
        author = _PERSONNEL.get(fields["createdPersonnelId"])
        if author is None:
            raise NoteRefused("Invalid argument: createdPersonnelId. The personnel does not exist.")
        execution_id = fields.get("executionId")
        if execution_id is not None:
            execution = self.tables["executions"].get(execution_id)
            if execution is None or execution.data["PersonId"] != client["PersonId"]:
                raise NoteRefused("Invalid argument: executionId. The execution does not exist for the client.")
        return _Parties(client, headline.data, author, execution_id)

    def _documentation(self, fields: Mapping[str, Any]) -> str:
        number = self._next("documentation")
        text = fields["Text"]
        shown = {"Text": text if number % 2 else rtf(text), "PlainText": text, "Id": f"{number}"}
        self._add("documentations", {**_BLANK, **fields, **shown})
        return f"{number}"


def _author(person: Personnel) -> dict[str, Any]:
    name = f"{person.first_name} {person.last_name}"
    return {"CreatedSignature": person.signature, "CreatedName": name, "CreatedRoleId": person.role_id}


def _checked(request: Any) -> dict[str, Any]:
    if not isinstance(request, dict):
        raise NoteRefused("The request is invalid.", {"createRequest": ["A journal note is required."]})
    wrong: dict[str, list[str]] = {}
    for name, kind in {**REQUIRED, **_OPTIONAL}.items():
        value = request.get(name)
        if value is None or value == "":
            if name in REQUIRED:
                wrong[f"createRequest.{name}"] = [f"The {name} field is required."]
        elif type(value) is not kind or (isinstance(value, str) and name.endswith("Utc") and _instant(value) is None):
            wrong[f"createRequest.{name}"] = [f"The value of {name} is not valid."]
    if wrong:
        raise NoteRefused("The request is invalid.", wrong)
    return request


def _instant(text: str) -> datetime | None:
    """An instant with seconds (L16); without an offset it is UTC, as the field's name says. None where it is none."""
    if not _SECONDS.fullmatch(text):
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return utc(parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC))
