"""Every event that the adapter logs: its name, level and fields, what it means and what to do.

``log`` writes one, ``log_context`` names the case on all within. No vendor is known here, so that every room may log.
``docs/log-events.md`` is made from here: ``python -m tests.generated_docs``.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from functools import partial
from logging import DEBUG, ERROR, INFO, WARNING
from typing import Final

import structlog

COMMON: Final = frozenset({"tenant", "case", "correlation", "repeated"})
"""Fields that any event may have: the municipality, the case's reference, what ties lines together, and how many lines
of the same were left out before it."""


@dataclass(frozen=True, slots=True)
class Event:
    """``fields`` are those beside the common ones; none holds anything personal. ``alert`` names the rule of
    ``deploy/prometheus`` that tells a person of it, as each event of level ERROR has."""

    name: str
    level: int
    fields: tuple[str, ...]
    meaning: str
    do: str = "Nothing."
    alert: str = ""


_CATALOGUE: Final = (
    # the process
    Event("service_started", INFO, ("version", "tenants", "store", "dry_run"), "The adapter runs."),
    Event("service_stopping", INFO, ("reason",), "The adapter was asked to stop, and finishes what is under way."),
    Event("service_stopped", INFO, ("seconds",), "The adapter has stopped; unfinished work goes on at the next start."),
    Event("service_crashed", ERROR, (),
          "An unexpected error ended the process or a thread.",
          "Start it again (nothing is lost); report the lines of `exception`.",
          alert="AdapterRestarting"),
    Event("settings_refused", ERROR, ("problems",),
          "The settings can't be used; nothing was started.",
          "Mend what is listed; `docs/settings.md` describes each setting.",
          alert="AdapterDown"),
    Event("dry_run_act", INFO, ("act", "kind", "vendor", "why"),
          "This act would have been carried out, but this is a dry run."),
    Event("mail_not_configured", WARNING, ("act", "role", "template"),
          "A mail was due, but no mail server is set. The mail wasn't sent.",
          "Set `[mail]`, or watch the status page instead."),
    Event("job_failed", ERROR, ("job", "error"),
          "A job ended with an unexpected error. A recurring job runs again as planned; the jobs `http` and "
          "`document` don't.",
          "If it repeats: report the lines of `exception`.",
          alert="JobFailed"),
    # the store
    Event("store_upgraded", INFO, ("from_revision", "to_revision"), "The database's tables were brought up to date."),
    Event("store_unavailable", ERROR, ("error", "retry_seconds"),
          "The database can't be used, and nothing is done. When it can be used again, all goes on by itself.",
          "Bring the database back, or mend `store.url`.",
          alert="StoreAway"),
    Event("store_encrypted", INFO, ("values", "left"),
          "Values were encrypted with the first key of `store.encryption_key`; in `left` rows some still aren't."),
    # the feeds
    Event("feed_read", DEBUG, ("feed", "items", "seconds", "lag_seconds"), "A change feed was read."),
    Event("feed_failed", WARNING, ("feed", "failure", "error", "retry_seconds"),
          "A change feed couldn't be read. It is tried again from the same place.",
          "Nothing at once; see `vendor_down` if it lasts."),
    Event("feed_recovered", INFO, ("feed", "failed_seconds"), "A change feed can be read again. Nothing was missed."),
    # the night watch
    Event("look_missed", WARNING, ("schedule", "due", "outcome"),
          "The camera platform says that a look of the night wasn't done. The unit gets a mail at once.",
          "Nothing for one look; see whether several cases are concerned at once."),
    Event("look_unentitled", ERROR, ("schedule", "due", "outcome"),
          "Somebody looked by a camera while the schedule was paused or ended, or outside its dates. The authority and "
          "IT get a mail.",
          "Find out at the camera platform who looked and how that was possible; report it as an incident.",
          alert="LookedWithoutRight"),
    Event("look_unowned", WARNING, ("schedule",),
          "The camera platform shows looks by a schedule that no case owns. It is logged once for each schedule.",
          "Find out at the camera platform which schedule it is."),
    Event("looks_broken", WARNING, ("rows", "reason"),
          "Rows of the list of looks can't be read. Their looks don't count as done.",
          "Report it to the camera platform's support if it lasts."),
    Event("looks_not_followed", ERROR, ("since", "reason"),
          "The results of the night's looks couldn't be read for half an hour, or those of one case can't be followed: "
          "nobody sees a look that isn't done. The night mailboxes and IT have a mail, once for an outage or a night.",
          "See `vendor_down`, or the case's `case_poisoned`; looks without a result are told of when they can be read.",
          alert="LooksNotFollowed"),
    # re-syncs
    Event("request_taken", INFO, ("request", "kind", "scope", "mode", "who", "why"),
          "A request of the re-sync or adopt file was accepted. Its id can't be used again."),
    Event("request_refused", ERROR, ("file", "line", "field", "reason"),
          "An entry of the re-sync or adopt file can't be used. The other entries are used.",
          "Mend the entry on that line. The file is read again when it changes.",
          alert="RequestRefused"),
    Event("request_waits", WARNING, ("request", "failure", "error", "retry_seconds"),
          "Something that a request needs can't be read now. The request goes on from there later.",
          "Nothing at once; see `vendor_down` if it lasts."),
    Event("resync_progress", INFO, ("resync", "step", "found", "left"),
          "How far a re-sync has come: of `found` cases and orders `left` are still to be looked at."),
    Event("resync_finished", INFO,
          ("resync", "mode", "seconds", "looked_at", "with_acts", "acts", "opened", "failed"),
          "A re-sync is done: how many cases were read, had something done (or to be done), and failed.",
          "`adapter resync show` lists the cases, and why some failed."),
    Event("step_declared", INFO, ("signal", "who", "why"),
          "A step was declared done by hand in the re-sync file. It counts like a note of that step."),
    # the configuration
    Event("configuration_reloaded", INFO, ("changed", "added", "removed", "released"),
          "Changed settings or mappings were read and are in use. Parked acts are tried again."),
    Event("configuration_refused", ERROR, ("problems",),
          "Changed settings or mappings can't be used, or need a restart. No part of the change is used, and the old "
          "ones still count.",
          "Mend what is listed, or restart if it says so. The files are read again when they change, or on SIGHUP.",
          alert="ConfigurationRefused"),
    Event("tenant_refused", ERROR, ("problems",),
          "A municipality's settings or mapping can't be used, so it isn't served. The other municipalities are.",
          "Mend what is listed; the files are read again when they change, or on SIGHUP.",
          alert="TenantRefused"),
    Event("tenant_unattended", ERROR, ("tenants", "cases"),
          "The database has open cases of a municipality that isn't in the settings, or is refused: nothing is done "
          "for them.",
          "Put the municipality back into the settings until its cases are closed; see `tenant_refused`.",
          alert="TenantUnattended"),
    # forgetting
    Event("purge_done", INFO, ("cases", "dry_run"),
          "Personal data was taken out of cases that have been closed for longer than `retention_days`."),
    Event("audit_head", INFO, ("up_to", "events", "head"),
          "The audit's daily head: a hash over its first `events` events, up to the id `up_to`.",
          "Keep these lines where people who can change the database can't change them. `adapter audit verify --heads` "
          "compares the audit with them."),
    Event("audit_head_not_kept", WARNING, ("file", "reason"),
          "The audit's head couldn't be added to `engine.audit_heads`; it stands in the line before this one.",
          "Mend the file's folder or its permissions."),
    # the cases
    Event("case_opened", INFO, ("order", "person", "adopted"),
          "A camera order came for a person without an open case."),
    Event("case_decided", INFO, ("phase", "wanted", "attention", "wake_at", "version"),
          "A case was decided by its facts, and something about it changed."),
    Event("case_poisoned", ERROR, ("error", "retry_at"),
          "Deciding a case failed with an unexpected error. The case is set aside and tried again later; other "
          "cases go on.",
          "Report the lines of `exception`. Until then look after this case by hand.",
          alert="CaseFailing"),
    Event("supervision_not_stopped", ERROR, ("schedule", "act", "since"),
          "Somebody can still look by a camera: a pause, an end or an earlier last day was called for, but the "
          "camera platform doesn't show it. The coordinator and the night mailbox are told.",
          "See that it is done by hand at the camera platform, now; `adapter case list --unsafe` lists all such cases.",
          alert="SupervisionNotStopped"),
    Event("case_locked", WARNING, ("error",),
          "Somebody else has locked a case's rows in the database. Its work goes on when its lease ends; other cases "
          "go on meanwhile.",
          "If it repeats: look for a session that holds locks, such as a database shell with an open transaction."),
    Event("case_renumbered", INFO, ("person",),
          "The person has another number in Lifecare, with the same client and orders; the case goes on under it."),
    Event("case_closed", INFO, ("phase", "days"),
          "Everything that was done for the case has been undone, and it is closed."),
    Event("order_ignored", DEBUG, ("order", "reason"),
          "The adapter doesn't handle this order: it has no camera or is from before go-live, another case has it, or "
          "it is gone from Lifecare."),
    Event("fact_unread", WARNING, ("resource", "failure", "error"),
          "Something about a case couldn't be read. Its last value still counts, but nothing is started or resumed by "
          "it."),
    Event("fact_recovered", INFO, ("resource", "stale_seconds"), "A resource of a case can be read again."),
    Event("fact_problem", ERROR, ("code", "resource", "params"),
          "Facts of a case contradict each other, or can't be read.",
          "Mend it in the case system, or in the mapping; `adapter case show` has the sentence.",
          alert="FactProblem"),
    Event("lease_lost", WARNING, ("lease", "held_seconds"),
          "Work took longer than its lease, and another process took over. The result of this one was thrown away.",
          "If it repeats: raise `engine.lease_seconds`."),
    # the acts
    Event("act_sent", DEBUG, ("act", "kind", "vendor", "attempt"), "An act is about to be sent to the vendor."),
    Event("act_done", INFO, ("act", "kind", "vendor", "attempts", "seconds"), "An act was carried out."),
    Event("act_found_done", INFO, ("act", "kind", "vendor", "looks"),
          "The answer to an act was lost. It was looked up, and the act had been carried out."),
    Event("act_retry", WARNING, ("act", "kind", "vendor", "failure", "error", "attempts", "retry_at"),
          "An act failed without any effect. It is tried again until it succeeds."),
    Event("act_unknown", WARNING, ("act", "kind", "vendor", "error", "look_at"),
          "The answer to an act was lost. The act is looked up before anything is sent again."),
    Event("act_parked", ERROR, ("act", "kind", "vendor", "failure", "error"),
          "An act can't be carried out without a person. It goes on by itself once the cause is gone.",
          "See `error`; `adapter case show` says what is missing and whose turn it is.",
          alert="ActParked"),
    Event("act_dropped", INFO, ("act", "kind", "why"), "An act that wasn't sent yet isn't needed any more."),
    Event("act_given_back", INFO, ("act", "kind", "vendor", "reason"),
          "An act was claimed but not sent. It is done later."),
    # the full comparison
    Event("comparison_done", INFO,
          ("listed", "others", "same", "changed", "missing", "unowned", "left_out", "unread", "seconds"),
          "Every schedule at the camera platform was compared with what the cases know."),
    Event("schedules_broken", WARNING, ("rows", "reason"),
          "Some schedules in the camera platform's list can't be read, and the adapter's own not one by one either. "
          "All others were compared.",
          "Report it to the camera platform's support if it lasts; `adapter compare` names them."),
    Event("schedule_changed", WARNING, ("schedule", "status", "mended"),
          "Somebody else changed a schedule. It is put right, or only reported, as `engine.drift` says.",
          "Find out who changes schedules by hand at the camera platform, and ask them not to."),
    Event("schedule_missing", ERROR, ("schedule",),
          "A schedule that should run isn't at the camera platform any more. Nobody can look by it.",
          "Ask the camera platform's support what became of it; the person is without supervision by camera.",
          alert="ScheduleMissing"),
    Event("schedule_unowned", ERROR, ("schedule", "status", "ended"),
          "A schedule at the camera platform has the adapter's reference, but no case owns it.",
          "See `adapter case show`. If it has no open case, end the schedule at the camera platform by "
          "hand, or set `engine.unowned = \"end\"`. After a restored backup, bring the lost cases back first.",
          alert="ScheduleUnowned"),
    Event("clock_stepped", WARNING, ("seconds",),
          "The machine's clock was set forward by `seconds`, or back if they are negative. All jobs are planned again.",
          "Have the machine's clock kept by NTP, and find out what set it."),
    # the HTTP side
    Event("ops_listening", INFO, ("host", "port"), "Health, metrics, webhook and status page are served here."),
    Event("ops_unavailable", ERROR, ("host", "port", "reason"),
          "The HTTP side can't be served; everything else goes on.",
          "Free the address, or change `ops.port`, and restart.",
          alert="AdapterDown"),
    Event("hook_received", INFO, ("orders", "known", "new"),
          "A webhook said that orders changed. Their cases are due, and new orders are looked for."),
    Event("hook_refused", WARNING, ("status", "reason"),
          "A webhook was refused: unsigned, too old or too large, or there were too many.",
          "If it is from Lifecare's side: compare the secret and the clocks."),
    Event("signed_in", INFO, (), "Somebody signed in to the status page; `adapter audit reads` says who."),
    Event("signed_out", INFO, (), "Somebody signed out of the status page."),
    Event("action_refused", WARNING, ("what", "reason"),
          "A person's role doesn't allow what they asked for (`only_read`), or another site made their browser ask "
          "(`from_elsewhere`). It is logged once an hour for each. `adapter audit reads` says who.",
          "If they should be allowed to: give them the role `operate`."),
    Event("sign_in_refused", WARNING, ("status", "reason", "count"),
          "Somebody couldn't sign in to the status page: the token was wrong or past its last day, there were too "
          "many tries, or they have no role. It happened `count` times since the last such line.",
          "If it repeats: find out who it is. Change the token if others may know it."),
    Event("read_not_noted", WARNING, ("what", "error"),
          "Somebody looked at a list on the status page, and the database couldn't store who it was. (A single case "
          "isn't shown then.)",
          "See `store_unavailable`."),
    Event("loop_hung", ERROR, ("seconds",),
          "The event loop stood still for too long; the process ends itself and is started again.",
          "Report the traceback on standard error.",
          alert="AdapterRestarting"),
    # the vendors
    Event("vendor_call", DEBUG, ("vendor", "call", "status", "outcome", "seconds"),
          "One exchange with a vendor, mail included."),
    Event("vendor_down", ERROR, ("vendor", "failure", "error", "since"),
          "A vendor hasn't answered well for a while, or refuses the key. Work for the others goes on.",
          "Ask the vendor. If the key is refused, mend the secret and start the adapter again.",
          alert="VendorDown"),
    Event("vendor_up", INFO, ("vendor", "down_seconds"), "The vendor answers again; what waited is being done."),
)  # fmt: skip

EVENTS: Final = {event.name: event for event in _CATALOGUE}

_LOGGER: Final = structlog.stdlib.get_logger("adapter")
_HELD: ContextVar[list[Callable[[], None]] | None] = ContextVar("held", default=None)


def log(event: str, /, *, error: BaseException | None = None, **fields: object) -> None:
    """Log one event of the catalogue, at its level. ``error`` is told with its causes and where they arose.

    A name that isn't in the catalogue is logged as an error rather than lost; a test finds such a call. A line that
    can't be written is told of by its name, and stops nothing. Within ``log_if_done`` it waits.
    """
    known = EVENTS.get(event)
    level = known.level if known else ERROR
    if error is not None:
        fields["error"] = error
        if level >= ERROR:
            fields["exc_info"] = error
    held, write = _HELD.get(), partial(_LOGGER.log, level, event, **fields)
    if held is None:
        write()
    else:
        held.append(partial(copy_context().run, write))


@contextmanager
def log_if_done() -> Iterator[None]:
    """What is logged within is written at the end, and never if an exception ends it. So a transaction that is rolled
    back tells nothing, and one that is run again tells it once."""
    held: list[Callable[[], None]] = []
    token = _HELD.set(held)
    try:
        yield
    finally:
        _HELD.reset(token)
    for write in held:
        write()


@contextmanager
def log_context(
    *, tenant: str | None = None, case: str | None = None, correlation: str | None = None
) -> Iterator[None]:
    """Name tenant, case reference and correlation on every line logged within, also by libraries."""
    names = {"tenant": tenant, "case": case, "correlation": correlation}
    with structlog.contextvars.bound_contextvars(**{k: v for k, v in names.items() if v is not None}):
        yield
