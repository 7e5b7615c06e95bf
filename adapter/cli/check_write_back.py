"""The part of ``adapter check`` for looks that are written back to Lifecare (LA11, LA12)."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from adapter.cli.findings import Finding, fault, fine, note
from adapter.domain.policy import WriteBack
from connectors.errors import VendorError
from connectors.lifecare.client import LifecareClient
from connectors.phoniro.client import PhoniroClient
from connectors.rows import BrokenRow
from mappings.mapping import MunicipalMapping

LOOKED_AT = timedelta(hours=24)
TABLE = "reported_visits"


async def check_write_back(
    lifecare: LifecareClient, phoniro: PhoniroClient, mapping: MunicipalMapping, now: datetime
) -> AsyncIterator[Finding]:
    """Whether Lifecare knows everybody who looked within the last day. Those it doesn't know are named here,
    and nowhere else. Reads only; a vendor's error becomes a finding."""
    table = mapping.reported_visits
    if table.mode is WriteBack.OFF:
        return
    for key in table.missing:
        yield fault(f"{TABLE}.{key}", "is missing, so visits are held back", f"Give {TABLE}.{key} in the mapping")
    try:
        rows = [row async for row in phoniro.supervisions(now - LOOKED_AT, now)]
        operators = sorted({row.operator_id for row in rows if not isinstance(row, BrokenRow) and row.operator_id})
        strangers = [operator for operator in operators if not await _is_known(lifecare, table.user_id(operator))]
    except VendorError as error:
        yield note(f"{TABLE}.personnel", f"can't be compared: {error}")
        return
    for operator in strangers:
        do = f"Give the user id in {TABLE}.personnel of the mapping, or have the person put into Lifecare"
        yield fault(f"{TABLE}.personnel", f"{operator} looked within the last day and is not known to Lifecare", do)
    if not strangers:
        all_known = f"all {len(operators)} who looked within the last day are known to Lifecare"
        yield fine(f"{TABLE}.personnel", all_known if operators else "nobody looked within the last day")


async def _is_known(lifecare: LifecareClient, user_id: str | None) -> bool:
    if user_id is None:
        return False
    rows = (await lifecare.personnels(user_id)).items
    return sum(bool(row.person_id) and not row.deleted and row.active is not False for row in rows) == 1
