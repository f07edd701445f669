# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""From an HTTP request to an answer.

wire        what the request says: method, media types, parameters
cors        which pages of other origins may ask, and read the answer
caller      who asks: an API key, an access token of a customer, a back-office session, or nobody
documents   parsed and validated documents, kept for the next time
engine      the order of things: limits, scopes, execution
errors      what a client sees of an exception
dispatcher  the wire format, as Odoo wants it
"""

from . import dispatcher
