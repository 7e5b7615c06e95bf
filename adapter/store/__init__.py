"""Everything that the adapter knows, in one database: SQLite or PostgreSQL, with the same statements.

A store function takes a connection, and so can't wait for a vendor; ``Database.run`` runs it as one transaction. What a
process works on has a lease in its row: owner and end. Whoever writes after the lease has gone to another process gets
``Overtaken``, and nothing is written.

In the order in which they are best read:

- ``tables`` with ``types``: what there is; ``migrations`` (by ``migrate``): how an older database gets there
- ``database``: how transactions are run; ``sql``, ``codec``, ``errors``: what all the others use
- ``cases``, ``facts``: what a case is and what is known of it; ``due``: when it is reconciled
- ``outbox``: which acts are called for; ``claims``: acts on their way, and what came of them
- ``schedules``, ``persons``: what the camera platform holds; ``look_log``, ``visits``: looks, and writing them back
- ``feeds``, ``order_inbox``, ``requests``: what brings work
- ``events``, ``audit_chain``: the audit; ``reads``, ``sessions``: who read, and who has signed in
- ``sealing``, ``keys``, ``purge``, ``backup``: encryption, forgetting, copies
- ``counts``, ``queries``: figures for reports, pages and metrics
"""
