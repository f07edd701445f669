# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What nobody outside knows: each is a switch with both possibilities, so that tests can run on either.

They are configuration parameters, ``sale_subscription_stand_in.NAME``.
"""

#: Name of a switch: its possibilities, the assumed one first.
SWITCHES = {
    # Whether the expiration closes a subscription behind its end date or on it.
    "end_date": ("first_day_after", "last_day"),
    # Whether states are written, or computed and stored, so that no write() is called.
    "states": ("written", "computed"),
    # Whether next_invoice_date is written, or computed and stored.
    "next_invoice_date": ("written", "computed"),
    # Which lines a renewal or an upsell takes over.
    "renewal_lines": ("recurring", "all"),
}


def get_switch(env, name):
    assumed, *others = SWITCHES[name]
    # sudo: a setting of the stand-in.
    value = env["ir.config_parameter"].sudo().get_param(f"sale_subscription_stand_in.{name}")
    return value if value in others else assumed
