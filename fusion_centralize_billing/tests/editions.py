# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What tests do to a subscription in the way of the installed edition: start it, bill it, pause it, end it.

Tests of what one edition does alone have its tag, ``community`` or ``enterprise``; a run leaves out the other's.
"""

from odoo import fields


def only_on(edition):
    """Tag one test of a class whose others run on both editions, as ``tagged`` tags whole classes."""

    def mark(method):
        method.edition = edition
        return method

    return mark


class EditionMixin:
    """Steps that both editions know, for tests that are about billing and not about an edition."""

    #: Whether new subscriptions are brought to where each invoice has one fee, see _begin_first_period.
    leaves_out_first_fee = True

    def __init__(self, methodName="runTest"):
        super().__init__(methodName)
        edition = getattr(getattr(self, methodName, None), "edition", None)
        if edition:
            self.test_tags = {*self.test_tags, edition}

    @classmethod
    def _is_enterprise(cls):
        return cls.env["sale.order"]._edition_product_decides()

    @classmethod
    def _by_edition(cls, community, enterprise):
        """Return what is expected on the installed edition: a fee, say, that Enterprise has billed in advance."""
        return enterprise if cls._is_enterprise() else community

    @classmethod
    def _knows(cls, terms):
        """Tell whether the installed edition has all these fields of an order: only Community has trials and grace."""
        return set(terms) <= set(cls.env["sale.order"]._fields)

    @classmethod
    def _begin_first_period(cls, order):
        """Bring a confirmed subscription to where each invoice has one fee, and the usage of one period.

        Enterprise bills the fee of a period when that begins: the first one would have an invoice of its own, without
        usage. It is left out, as by a person who moves the next invoice date.
        """
        if cls.leaves_out_first_fee and cls._is_enterprise() and order.next_invoice_date == order.start_date:
            with cls._on(str(order.start_date)):
                order.next_invoice_date = order._edition_get_period_around(order.start_date)[1]

    @classmethod
    def _bill_what_is_due(cls, order):
        """Run the recurring invoicing until nothing is due, and return its invoices.

        Enterprise's run bills one period of each subscription, and another one closes what has reached its end.
        """
        moves = order._create_recurring_invoice()
        due = order.filtered(cls._is_due) if cls._is_enterprise() else order.browse()
        while due:
            reached = {each: each.next_invoice_date for each in due}
            moves |= due._create_recurring_invoice()
            moved = due.filtered(lambda each, before=reached: each.next_invoice_date != before[each])
            due = moved.filtered(cls._is_due)
        for each in order if cls._is_enterprise() else ():
            end = each._edition_get_planned_end()
            if each.subscription_state in ("3_progress", "4_paused") and end and end <= fields.Date.today():
                cls._close(each)
        return moves

    @classmethod
    def _is_due(cls, order):
        """Tell whether Enterprise's run would bill a subscription now."""
        day = order.next_invoice_date
        return order.subscription_state == "3_progress" and bool(day) and day <= fields.Date.today()

    @classmethod
    def _pause(cls, order):
        if cls._is_enterprise():
            order.pause_subscription()
        else:
            order.action_pause()

    @classmethod
    def _resume(cls, order):
        if cls._is_enterprise():
            order.resume_subscription()
        else:
            order.action_resume()

    @classmethod
    def _close(cls, order):
        """End a running subscription today, as people do."""
        if cls._is_enterprise():
            order.set_close(close_reason_id=cls.env["sale.order.close.reason"].search([], limit=1).id)
        else:
            order.action_close()
