"""Messages: journal notes in Lifecare to a unit (LA3)."""

from collections.abc import Callable
from datetime import datetime

from adapter.domain.ledger import Act
from adapter.gateways.port_errors import unmapped
from adapter.ports import CaseContext, Effect
from connectors.lifecare import wire
from connectors.lifecare.client import LifecareClient
from mappings.content import whole
from mappings.mapping import MunicipalMapping
from mappings.messages.render import mark, render_letter
from mappings.sections import Heading
from mappings.texts import Texts

VENDOR = "lifecare"


class NoteExecutor:
    """Carries out acts of kind ``message``. The act's content is what the letter's template needs.

    It is safe to repeat: Lifecare has no idempotency key, so every note ends with the act's own mark (LA4). When an
    answer was lost, the mark is looked for under the reading heading, among the adapter's own notes in every status,
    also error-marked ones. Before a note is sent again, it is looked for once more. If none of our notes can be read
    there at all, the note is sent and says that it may be a second copy. This is the only duplicate that can happen.
    """

    vendor = VENDOR

    def __init__(
        self, client: LifecareClient, mapping: MunicipalMapping, clock: Callable[[], datetime], texts: Texts
    ) -> None:
        self._lifecare = client
        self._mapping = mapping
        self._clock = clock
        self._texts = texts

    async def perform(self, act: Act, case: CaseContext) -> Effect:
        heading = self._heading(act)
        second_copy = False
        if act.attempts > 1:
            ours = await self._ours(heading, whole(act.what, "execution"))
            readable = ours or await self._ours(heading, None)
            if found := self._marked(ours, act, case):
                return found
            second_copy = not readable
        request = self._request(act, case, heading, second_copy=second_copy)
        note = await self._lifecare.create_provider_note(request)
        return Effect({"note": note.id, "unit": request.provider_unit_id, "heading": request.headline_id})

    async def find(self, act: Act, case: CaseContext) -> Effect | None:
        ours = await self._ours(self._heading(act), whole(act.what, "execution"))
        return self._marked(ours, act, case)

    def _heading(self, act: Act) -> Heading:
        to = str(act.what.get("to"))
        heading = self._mapping.messages.of(to)
        if heading is None:
            raise unmapped(f"there is no heading for messages to {to}", VENDOR)
        return heading

    async def _ours(self, heading: Heading, execution_id: int | None) -> tuple[wire.Documentation, ...]:
        """Our own notes under the heading, in any status: on the execution, or on any if it is None. The signature is
        compared here too, because a colleague's reply that quotes our mark isn't ours, even if Lifecare ignored the
        condition."""
        signature = self._mapping.author.signature
        rows = await self._lifecare.documentations(
            execution_id=execution_id, headline_id=heading.read_under, created_signature=signature
        )
        return tuple(row for row in rows.items if _same(row.created_signature, signature))

    @staticmethod
    def _marked(rows: tuple[wire.Documentation, ...], act: Act, case: CaseContext) -> Effect | None:
        sought = mark(case.reference, act.mark)
        for row in rows:
            if sought in (row.plain_text or "") or sought in (row.text or ""):
                return Effect({"documentation": row.id, "found": True})
        return None

    def _request(
        self, act: Act, case: CaseContext, heading: Heading, *, second_copy: bool
    ) -> wire.CreateProviderJournalNoteRequest:
        if case.client_id is None:
            raise unmapped("the key can't see the client, so no note can be written in their record", VENDOR)
        what = act.what
        letter, of = str(what.get("letter")), {"reference": case.reference, "act": act.mark}
        text = render_letter(letter, what, **of, second_copy=second_copy, texts=self._texts)
        author = self._mapping.author
        return wire.CreateProviderJournalNoteRequest(
            occurrence_time_utc=self._clock(),
            text=text,
            client_id=case.client_id,
            provider_unit_id=self._mapping.receiving_unit(str(what.get("to")), whole(what, "unit")),
            headline_id=heading.write_under,
            created_personnel_id=author.personnel_id,
            created_personnel_title=author.title,
            execution_id=whole(what, "execution"),
        )


def _same(signature: str | None, ours: str) -> bool:
    return (signature or "").strip().casefold() == ours.strip().casefold()
