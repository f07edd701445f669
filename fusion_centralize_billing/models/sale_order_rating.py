# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import fields, models
from odoo.tools import SQL

from ..jobs import repeated_on_conflict
from ..rating import NOTHING, to_decimal
from .billing_usage_change import Change
from .sale_order_life import ENDED_STATES
from .usage_window import WHOLE


class SaleOrder(models.Model):
    """Rating: from usage rows to the ledger. How a price comes about stands in sale_order_pricing.py."""

    _inherit = "sale.order"

    # === BUSINESS === #

    def _fc_rate_usage(self, charge, period_start, period_end):
        """Rate one charge for the window [period_start, period_end), whatever the charge's plan.

        Writes the ledger and the order line, and returns the price of the whole window as a float,
        rounded to the order's currency. Rating again changes nothing unless usage or terms changed;
        what was billed of the window once keeps the terms that it was billed with.

        :raises BusinessRuleError: ``currency_mismatch``, or ``product_missing`` if an amount is due
        """
        self.ensure_one()
        start, end = fields.Datetime.to_datetime(period_start), fields.Datetime.to_datetime(period_end)
        # sudo: the ledger has no other writer than rating.
        rows = self.env["fusion.billing.rating"].sudo()._get_rows(self, [start])
        terms = rows._get_billed_terms(charge, start)
        if not terms:
            terms = self._fc_get_terms(charge, start, end)
        elif not self._fc_is_closed(start):
            terms = self._fc_fit_terms(terms, start, end)
        return float(self._fc_rate_windows({(charge, start, end): terms}, rows))

    def _fc_rate(self):
        """Rate the current billing period, and the invoiced ones to which usage came late.

        :return: number of charges and periods that were rated
        """
        self.ensure_one()
        self._fc_lock()
        self._fc_notice_state()
        self._fc_pass_on_usage()
        self._fc_close_passed_periods()
        changes = self._fc_reach_last_period(self.env["fusion.billing.usage.change"]._take(self))
        period = self._fc_get_current_period()
        # sudo: as in _fc_rate_usage.
        ledger = self.env["fusion.billing.rating"].sudo()
        ended = {row.period_start for row in self._fc_rate_nothing_after_end()}
        touched = self._fc_get_touched_periods(changes)
        touched = {start: item for start, item in touched.items() if start not in ended}
        if period:
            touched.pop(period[0], None)
        periods = {start: end for start, (end, _metric_ids) in touched.items()} | dict([period] if period else [])
        rows = ledger._get_rows(self, list(periods))
        wanted = self._fc_get_touched_windows(touched, rows)
        if period:
            wanted |= self._fc_get_windows_of_period(period, rows)
        self._fc_rate_windows(wanted, rows)
        for start, end in sorted(periods.items()):
            # A period may have been closed ahead of its day, and is used until then.
            if self._fc_is_reached(self._fc_day_of(end)) or self._fc_is_closed(start):
                self._fc_rate_commitment(start, end)
        return len(wanted)

    def _fc_request_rating(self, metric=None, since=None):
        """Have subscriptions rated anew by their jobs, although no usage changed.

        :param metric: only what prices this metric; the period that is not invoiced yet is rated in any case
        :param since: also invoiced periods with this day, or a later one
        """
        changes = []
        for order in self:
            day, end = order._fc_get_open_day(), order._fc_get_end_date()
            first = min(day, max(since, order.start_date or day)) if day and since else day
            if first and not (end and first >= end):
                instants = order._fc_start_of(first), order._fc_start_of(day)
                changes.append((order.id, Change(metric and metric.id, *instants)))
        self.env["fusion.billing.usage.change"]._append(changes)

    # === JOBS === #

    def _schedule_rating(self):
        """Enqueue the rating of each subscription, unless it waits already."""
        for order in self:
            # sudo: the job writes ledger and order lines, whoever caused it.
            order.sudo().with_company(order.company_id).with_delay(
                description=self.env._("Rate usage of %s", order.name),
                identity_key=order._fc_get_rating_identity_key(),
            )._job_rate()

    @repeated_on_conflict
    def _job_rate(self):
        """Rate a subscription; have billed what an ended one still owes."""
        self._fc_lock()
        order = self.exists()
        if not order:
            return self.env._("The order does not exist any more.")
        result = order._attempt_job("rating", order._fc_rate_and_close)
        order._fc_check_plan()
        return result

    # === HELPERS === #

    def _fc_rate_and_close(self):
        count = self._fc_rate()
        if self.subscription_state in ENDED_STATES and self._fc_has_unbilled_amount():
            self._schedule_closing_invoice()
        elif self._fc_is_over():
            self._fc_close_passed_period(self._fc_get_ended_on())
        return self.env._("%s ratings", count)

    def _fc_is_over(self):
        """Tell whether nobody invoices the last period of an ended subscription any more."""
        is_ended = self.subscription_state in ENDED_STATES and self._fc_is_rated() and self._fc_get_ended_on()
        return bool(is_ended) and not self._fc_waits_for_last_period() and not self._edition_has_due_invoice()

    def _fc_rate_period(self, start, end):
        """Rate all of one period that was not closed yet, with its minimum, as its boundary has passed."""
        # sudo: as in _fc_rate_usage.
        rows = self.env["fusion.billing.rating"].sudo()._get_rows(self, [start])
        self._fc_rate_windows(self._fc_get_windows_of_period((start, end), rows), rows)
        self._fc_rate_commitment(start, end)

    def _fc_get_windows_of_period(self, period, rows):
        """Return ``{(charge, start, end): PriceTerms}`` of a period that is not closed; None as in _fc_rate_windows."""
        found = self._fc_get_charges_of_periods({self: period})
        terms = {charge: each for (_order, charge), each in found.items()}
        # A charge that was made to end before this period: what was rated of it meanwhile is taken back.
        known = rows.filtered(lambda row: row.kind == "usage" and row.period_start == period[0]).charge_id
        return {(charge, *period): terms.get(charge) for charge in {*known, *terms}}

    def _fc_get_rating_identity_key(self):
        self.ensure_one()
        return f"fusion_centralize_billing.rating.{self.id}"

    def _fc_lock(self):
        """Keep other ratings and invoicings of this subscription out until the transaction ends.

        By writing the row, not only locking it: who comes late gets a serialization failure, is run again by
        queue_job or Odoo, and sees what was done, even if that left the subscription as it was. Usage may still
        be recorded: a foreign key takes FOR KEY SHARE, which lets changes of other columns than the key pass.
        """
        self.env.cr.execute(
            SQL(
                """
                WITH locked AS (SELECT id FROM sale_order WHERE id IN %s ORDER BY id FOR NO KEY UPDATE)
                UPDATE sale_order SET write_date = write_date FROM locked WHERE sale_order.id = locked.id
                """,
                tuple(self.ids),
            ),
            log_exceptions=False,
        )

    def _fc_rate_windows(self, wanted, rows):
        """Bring ledger and order lines to the price of some windows, and return the sum of their prices.

        :param wanted: ``{(charge, start, end): PriceTerms}``; None for a charge that the ledger has, but that does not
            apply to the window any more
        :param rows: what the ledger has of the windows' periods
        """
        step = to_decimal(self.currency_id.rounding)
        total = to_decimal(0)
        known = rows.grouped(lambda row: (row.charge_id, row.period_start))
        due = []
        # At once: each write to the ledger would read its line by itself.
        rows.order_line_id.fetch()
        priced = {(self, *window): {} for window in wanted}
        priced |= self._fc_price({(self, *window): terms for window, terms in wanted.items() if terms})
        for (_order, charge, start, end), groups in sorted(
            priced.items(), key=lambda item: (item[0][2], item[0][1].id)
        ):
            self._fc_give_way()
            # Of one group at a time: a period may have thousands of them.
            by_group = known.get((charge, start), rows.browse()).grouped(lambda row: row.group_key or WHOLE)
            gone = set(by_group) - set(groups)
            if not groups and self._fc_is_reached(self._fc_day_of(end)):
                # A row for a charge by groups that had none: it keeps the terms with which the period is invoiced.
                gone.add(WHOLE)
            terms = wanted[charge, start, end] or self._fc_get_terms(charge, start, end)
            groups |= dict.fromkeys(gone, NOTHING)
            stored = terms.as_json()
            for group, (rated, amount) in sorted(terms.bill(groups, step).items()):
                total += amount
                item = {"kind": "usage", "charge_id": charge.id, "group_key": group or False}
                of_group = by_group.get(group, rows.browse())
                due += of_group._record(self, item, start, end, stored, rated, amount).ids
        self._fc_upsert_lines(rows.browse(due))
        return total

    def _fc_rate_nothing_after_end(self):
        """Take back what was rated of periods that begin when the subscription has ended, and return their rows.

        Such a period was rated while it was the current one; then the end was set to its first day.
        """
        end = self._fc_get_end_date()
        # sudo: as in _fc_rate_usage.
        rows = self.env["fusion.billing.rating"].sudo()
        if not end:
            return rows
        rows = rows.search([("subscription_id", "=", self.id), ("period_start", ">=", self._fc_start_of(end))])
        due = rows.browse()
        items = rows.grouped(lambda row: (row.kind, row.charge_id.id, row.group_key, row.period_start))
        for (kind, charge_id, group, start), of_item in items.items():
            if set(of_item.mapped("state")) != {"cancelled"}:
                item = {"kind": kind, "charge_id": charge_id, "group_key": group}
                last = of_item.sorted("sequence")[-1]
                due |= of_item._record(self, item, start, last.period_end, last.terms, NOTHING, to_decimal(0))
        self._fc_upsert_lines(due)
        return rows

    def _fc_has_unbilled_amount(self):
        return any(rating.amount for rating in self.sudo().x_fc_rating_ids if rating.state == "open")
