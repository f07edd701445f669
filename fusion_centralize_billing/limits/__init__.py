# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What one client may take of the server, so that the others are served.

settings    the limits, from the system parameters
deadline    how long a request may run
costs       what calls cost, and which limits a request meets
clients     who is limited: keys, and customers of frontends
slots       how many costly requests run at a time
buckets     how many requests come in a second, over all workers and nodes
preview_turn  how a preview stays out of the way
failures    how often an address may fail to authenticate
daily       how much a service may create in a day
connection  short transactions of their own, on the primary database
admission   one HTTP request, and all of these
"""
