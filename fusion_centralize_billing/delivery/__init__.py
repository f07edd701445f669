# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Sending webhooks over HTTP.

addresses    URLs that a webhook may have
headers      what is sent beside the body: the event, the delivery, the signatures
http_client  one POST
"""
