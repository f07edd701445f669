# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Whose data a request of a frontend may see: what the record rules of customers are evaluated with.

One technical user for each service reads for all of its customers; which one it is about stands in the context, and
Odoo's cache of rules distinguishes them. A user for each customer would be a contact more for each, and Odoo empties
the caches of all workers whenever it makes a user.
"""

from __future__ import annotations

from dataclasses import dataclass

from odoo.api import Environment

#: Context key. Its value is a CustomerScope, which no client can send: the contexts of clients are JSON.
CUSTOMER = "fusion_billing_customer"


@dataclass(frozen=True)
class CustomerScope:
    """:param link_id: the customer, a ``fusion.billing.account.link``
    :param plan_codes: of its subscriptions: their plans and prices are its own
    """

    link_id: int = 0
    partner_id: int = 0
    service_id: int = 0
    plan_codes: tuple[str, ...] = ()


#: Sees nothing: no record has the id 0.
_NOBODY = CustomerScope()


def customer_scope(env: Environment) -> CustomerScope:
    """Return whose data an environment may see; nobody's if it does not say so."""
    scope = env.context.get(CUSTOMER)
    return scope if isinstance(scope, CustomerScope) else _NOBODY
