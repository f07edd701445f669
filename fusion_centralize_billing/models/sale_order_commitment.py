# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import datetime
from fractions import Fraction

from odoo import fields, models

from ..rating import prorate_amount, to_decimal, true_up

#: Context key: the first day of a change, as a date, which no client can send. Community's own.
CHANGE_DAY = "fusion_subscription_change_day"
_STARTED_STATES = ("3_progress", "4_paused")


class SaleOrder(models.Model):
    """Minimum commitment: a billing period that has ended costs at least what was agreed for its days."""

    _inherit = "sale.order"

    # === FIELDS === #

    x_fc_commitment_ids = fields.One2many(
        "fusion.billing.commitment",
        "subscription_id",
        string="Agreed Minimums",
        readonly=True,
        copy=False,
        groups="fusion_centralize_billing.group_billing_user",
    )

    # === CRUD === #

    def write(self, vals):
        """Put another minimum of a started subscription on record, from the day on which it begins."""
        before = {order: order.x_fc_minimum_commitment for order in self if order.subscription_state in _STARTED_STATES}
        result = super().write(vals)
        for order, amount in before.items():
            if order.x_fc_minimum_commitment != amount:
                order._fc_record_commitment(amount, order._fc_get_commitment_day())
        return result

    # === BUSINESS === #

    def _fc_record_commitment(self, before, day):
        """Record the minimum that the subscription has now, from a day on.

        :param before: what it had until now, also on the days before if nothing is on record
        """
        # sudo: the history has no other writer.
        history = self.env["fusion.billing.commitment"].sudo()
        if not self.sudo().x_fc_commitment_ids:
            history.create({"subscription_id": self.id, "effective_from": False, "amount": before})
        history.create({"subscription_id": self.id, "effective_from": day, "amount": self.x_fc_minimum_commitment})

    def _fc_rate_commitment(self, start, end):
        """Bring the ledger to what an ended period lacks of its minimum commitment, and put it on the order.

        Fixed fee and rated usage of the period count. Usage that comes late lowers what was added. A period
        that was invoiced keeps the fee and the minimum of its invoice, also if it had no minimum.
        """
        # sudo: the ledger has no other writer than rating.
        rows = self.env["fusion.billing.rating"].sudo()._get_rows(self, [start])
        commitment = rows.filtered(lambda row: row.kind == "commitment")
        billed = commitment.filtered(lambda row: row.state == "billed").sorted("sequence")[-1:]
        is_closed = self._fc_is_closed(start)
        minimum = billed.terms["minimum"] if billed and is_closed else self._fc_get_minimum(start, end)
        minimum = to_decimal(minimum)
        # A period that was passed without an invoice has its fee on an open row.
        invoiced = commitment.filtered(lambda row: is_closed or row.state != "open").sorted("sequence")[-1:]
        if not commitment and (is_closed or not minimum):
            return
        usage = rows.filtered(lambda row: row.kind == "usage" and row.state != "cancelled")
        # The order's lines may have changed since the period was invoiced.
        fee = to_decimal(invoiced.terms["fixed_fee"]) if invoiced else self._fc_get_fixed_fee(start, end)
        reached = fee + sum(to_decimal(row.amount) for row in usage)
        rated = true_up(minimum, reached)
        amount = rated.rounded(to_decimal(self.currency_id.rounding))
        terms = {"minimum": format(minimum, "f"), "fixed_fee": format(fee, "f")}
        item = {"kind": "commitment", "charge_id": False, "group_key": False}
        self._fc_upsert_lines(commitment._record(self, item, start, end, terms, rated, amount))

    # === HELPERS === #

    def _fc_get_minimum(self, start, end):
        """Return the commitment for a period, as Decimal: that of its days, as far as they bear a fee."""
        first, after, full_days = self._edition_get_committed_days(self._fc_day_of(start), self._fc_day_of(end))
        # sudo: what was agreed counts whoever rates.
        agreed = self.sudo().x_fc_commitment_ids
        total = to_decimal(0)
        for number in range((after - first).days):
            record = agreed._get_on(first + datetime.timedelta(days=number))
            total += to_decimal(record.amount if agreed else self.x_fc_minimum_commitment)
        return prorate_amount(total, Fraction(1, full_days), to_decimal(self.currency_id.rounding))

    def _fc_get_commitment_day(self):
        """Return the first day with a minimum that is agreed today."""
        day = self.env.context.get(CHANGE_DAY)
        return self._edition_get_change_day(day if type(day) is datetime.date else None)

    def _fc_get_fixed_fee(self, start, end):
        """Return what the recurring lines cost for a period, without tax, as Decimal."""
        return self._edition_get_recurring_fee(self._fc_day_of(start), self._fc_day_of(end))
