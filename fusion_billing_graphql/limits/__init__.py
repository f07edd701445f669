# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What a request may cost, checked before anything is executed.

settings  the limits, from the system parameters
rules     depth, aliases, introspection: validation rules that look at the document only
cost      cost, page sizes and scopes: a walk over the operation with its variables
"""
