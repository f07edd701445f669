"""What scripts/soak does: mixed load on live servers whose processes are killed, and what is left of it in the end.

site      the servers, and a PostgreSQL of their own
record    what was acknowledged, refused, and how long it took
clients   source apps that go on whatever the answer is
boundaries   the scheduled actions that rate and invoice
kills     who is killed, and when
verdict   what has to be true in the end
soak      the order in which the above happens
"""
