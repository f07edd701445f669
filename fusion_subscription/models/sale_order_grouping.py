# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from odoo import api, models
from odoo.fields import Domain


class SaleOrder(models.Model):
    """Which subscriptions share an invoice. By themselves none do: an addon says which belong together.

    Together are those of one group whose oldest due invoice has the same date. What is left after the end of a
    subscription has no boundary, and is invoiced alone.
    """

    _inherit = "sale.order"

    # === BUSINESS === #

    def _get_invoice_group_key(self):
        """Hook: return what subscriptions that share an invoice have in common, or None for one that is alone.

        :return: any hashable value; the company and the invoice address are part of it
        """
        self.ensure_one()
        return None

    def _invoice_group(self, group):
        """Hook: invoice and post what is due of a locked group, in the job of this subscription; some may be left out.

        :param group: those that share the invoice; without this one, if it has to wait for theirs
        :return: the posted invoices
        """
        self.ensure_one()
        return group._invoice_due_period()

    # === HELPERS === #

    def _find_invoice_group(self):
        """Return the subscription with those of its group that are due no later, by id; itself if there are none.

        Older invoices of the group are made first: else theirs would come to the date of this one when it is alone.
        One whose job failed is invoiced by its own job only, however long ago that was: it would stop this one, too.
        """
        self.ensure_one()
        due = self._get_due_invoice()
        key = None if not due or due.is_rest else self._get_invoice_group_key()
        if key is None:
            return self
        shared = [(name, "=", self[name].id) for name in ("company_id", "partner_invoice_id")]
        others = self.search(Domain.AND([self._get_due_subscriptions_domain(), shared, [("id", "!=", self.id)]]))
        others = others.filtered(lambda order: order._is_due_by(due.day) and order._get_invoice_group_key() == key)
        return (self | (others - others._get_with_failed_job())).sorted("id")

    def _is_due_by(self, day):
        """Tell whether the oldest due invoice of this subscription has this date or an earlier one."""
        due = self._get_due_invoice()
        return bool(due) and not due.is_rest and due.day <= day

    def _get_oldest_due(self):
        """Return those of these due subscriptions whose due invoices have the oldest date."""
        days = {order: order._get_due_invoice().day for order in self}
        return self.filtered(lambda order: days[order] == min(days.values()))

    @api.model
    def _get_first_group(self, dues, keys):
        """Return those of several subscriptions that share the oldest of their due invoices.

        :param dues: {order: DueInvoice}
        :param keys: {order: key of its group, or None}
        """
        first = min(dues, key=lambda order: dues[order].day)
        due, key = dues[first], keys[first]
        if key is None or due.is_rest:
            return first
        members = [order for order in dues if keys[order] == key and dues[order].day == due.day]
        return self.browse(order.id for order in members if not dues[order].is_rest)
