# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import datetime

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, float_repr

from ..rating import Usage, to_decimal


class SaleOrder(models.Model):
    """Rating: from usage rows over the ledger to order lines."""

    _inherit = "sale.order"

    # === BUSINESS === #

    def _fc_rate_usage(self, charge, period_start, period_end):
        """Rate one charge for the window [period_start, period_end), whatever the charge's plan.

        Writes the ledger and the order line, and returns the price of the whole window as a float,
        rounded to the order's currency. Rating again changes nothing unless usage or terms changed;
        what was billed of the window once keeps the terms that it was billed with.

        :raises UserError: if the currencies differ, or an amount is due and the charge has no product
        """
        self.ensure_one()
        start, end = fields.Datetime.to_datetime(period_start), fields.Datetime.to_datetime(period_end)
        if charge.currency_id != self.currency_id:
            raise UserError(
                self.env._(
                    "%(charge)s is priced in %(charge_currency)s, but %(order)s in %(order_currency)s.",
                    charge=charge.name,
                    charge_currency=charge.currency_id.name,
                    order=self.name,
                    order_currency=self.currency_id.name,
                )
            )
        # sudo: the ledger has no other writer than this method.
        ledger = self.env["fusion.billing.rating"].sudo()
        terms = ledger._get_billed_terms(self, charge, start) or charge._get_price_terms()
        rated = charge._price(self._fc_get_usage(charge, start, end, charge._needs_rows(terms)), terms)
        amount = rated.rounded(to_decimal(self.currency_id.rounding))
        rating = ledger._record(self, charge, start, end, terms, rated, amount)
        if rating:
            self._fc_upsert_line(rating)
        return float(amount)

    def _fc_rate(self):
        """Rate the current billing period, and the invoiced ones to which usage came late.

        :return: number of ratings
        """
        self.ensure_one()
        self._fc_lock()
        span = self.env["fusion.billing.usage.change"]._take(self)
        todo = self._fc_get_touched_ratings(*span) if span else set()
        period = self._fc_get_current_period()
        if period:
            todo |= {(charge, *period) for _order, charge in self._fc_get_current_charges()}
        for charge, start, end in sorted(todo, key=lambda item: (item[1], item[0].id)):
            self._fc_rate_usage(charge, start, end)
        return len(todo)

    def _fc_get_current_usage(self):
        """Price the current billing period of many subscriptions as rating would, without writing anything.

        The number of queries does not depend on how many they are, so that a page of a list costs what one costs.

        :return: ``{subscription: [{"charge", "period_start", "period_end", "rated", "amount"}]}``, with a
            Rated result and the amount rounded to the subscription's currency, as Decimal
        """
        wanted = self._fc_get_current_charges()
        windows = {
            (order, charge): (order, charge.metric_id, *order._fc_get_current_period()) for order, charge in wanted
        }
        # sudo: as in rating; the caller has access to the subscriptions.
        usage = self.env["fusion.billing.usage"].sudo()
        totals = usage._aggregate_windows(dict.fromkeys(windows.values()))
        by_row = [windows[order, charge] for (order, charge), terms in wanted.items() if charge._needs_rows(terms)]
        rows = usage._get_quantities_of_windows(dict.fromkeys(by_row))
        result = {order: [] for order in self}
        for (order, charge), terms in wanted.items():
            window = windows[order, charge]
            needed = rows[window] if charge._needs_rows(terms) else ()
            rated = charge._price(Usage(totals[window], needed), terms)
            result[order].append(
                {
                    "charge": charge,
                    "period_start": window[2],
                    "period_end": window[3],
                    "rated": rated,
                    "amount": rated.rounded(to_decimal(order.currency_id.rounding)),
                }
            )
        return result

    def _fc_get_current_charges(self):
        """Return ``{(subscription, charge): terms}`` of what prices the current billing periods.

        The charges of the plan, and those that the ledger has for the period already: a charge that was
        archived or left the plan still applies to the period that it has begun. What was billed of it
        keeps its terms.
        """
        periods = {order: order._fc_get_current_period() for order in self}
        running = self.filtered(lambda order: periods[order])
        terms = {
            (order, charge): charge._get_price_terms()
            for order, charges in running._fc_get_charges_by_subscription().items()
            for charge in charges
        }
        starts = [periods[order][0] for order in running]
        domain = [("subscription_id", "in", running.ids), ("period_start", "in", starts)]
        # sudo: the ledger counts whoever looks.
        for rating in self.env["fusion.billing.rating"].sudo().search(domain, order="sequence"):
            order = rating.subscription_id.with_env(self.env)
            if rating.period_start == periods[order][0]:
                key = (order, rating.charge_id)
                terms[key] = (
                    rating.terms if rating.state == "billed" else terms.get(key) or rating.charge_id._get_price_terms()
                )
        return terms

    def _fc_get_charges_by_subscription(self):
        """Return ``{subscription: charges}`` with one search."""
        domain = [("plan_code", "in", [code for code in self.mapped("x_fc_plan_code") if code])]
        # sudo: charges of a subscription count whoever looks at it.
        charges = self.env["fusion.billing.charge"].sudo().search(domain)
        by_plan = charges.grouped(lambda charge: (charge.plan_code, charge.company_id))
        none = charges.browse()
        return {order: by_plan.get((order.x_fc_plan_code, order.company_id), none) for order in self}

    def _fc_get_current_period(self):
        """Return the billing period not invoiced yet, as (start, end) in naive UTC, or None.

        From the last invoiced boundary, or the start date, to the next invoice date, at 00:00 UTC.
        """
        self.ensure_one()
        start = self.x_fc_billed_until or self.start_date
        ends = [day for day in (self.next_invoice_date, self.x_fc_ended_on) if day]
        if not start or not ends or min(ends) <= start:
            return None
        return _midnight(start), _midnight(min(ends))

    # === JOBS === #

    def _schedule_rating(self):
        """Enqueue the rating of each subscription, unless it waits already."""
        for order in self:
            # sudo: the job writes ledger and order lines, whoever caused it.
            order.sudo().with_company(order.company_id).with_delay(
                description=self.env._("Rate usage of %s", order.name),
                identity_key=f"fusion_centralize_billing.rating.{order.id}",
            )._job_rate()

    def _job_rate(self):
        """Rate a subscription; bill what an ended one still owes."""
        order = self.exists()
        if not order:
            return self.env._("The order does not exist any more.")
        count = order._fc_rate()
        if order.subscription_state == "6_churn" and order._fc_has_unbilled_amount():
            order._schedule_closing_invoice()
        return self.env._("%s ratings", count)

    # === HELPERS === #

    def _fc_lock(self):
        """Keep other ratings and invoicings of this subscription out until the transaction ends.

        A subscription that another transaction has changed meanwhile gives a serialization failure;
        queue_job and Odoo run the transaction again. Usage may still be recorded: a foreign key
        takes FOR KEY SHARE, which this lock lets through.
        """
        self.env.cr.execute(
            SQL("SELECT id FROM sale_order WHERE id IN %s ORDER BY id FOR NO KEY UPDATE", tuple(self.ids)),
            log_exceptions=False,
        )

    def _fc_get_usage(self, charge, start, end, with_rows):
        usage = self.env["fusion.billing.usage"].sudo()
        total = usage._aggregate_exactly(self, charge.metric_id, start, end)
        rows = usage._get_quantities(self, charge.metric_id, start, end) if with_rows else ()
        return Usage(total, rows)

    def _fc_get_touched_ratings(self, from_at, to_at):
        """Return the ``(charge, start, end)`` that the ledger has for a span of time."""
        ratings = (
            self.env["fusion.billing.rating"]
            .sudo()
            .search([("subscription_id", "=", self.id), ("period_start", "<=", to_at), ("period_end", ">", from_at)])
        )
        return {(rating.charge_id, rating.period_start, rating.period_end) for rating in ratings}

    def _fc_has_unbilled_amount(self):
        return any(rating.amount for rating in self.sudo().x_fc_rating_ids if rating.state == "open")

    def _fc_upsert_line(self, rating):
        """Put a rating on the order: one line with quantity 1 and the amount as its price.

        Not the quantity used: Odoo rounds the quantities of orders and invoices to two decimals.
        """
        line = rating.order_line_id
        if not line and not rating.amount:
            return
        values = {"name": self._fc_get_line_name(rating), "price_unit": rating.amount}
        if line:
            line.sudo().write(values)
            return
        if not rating.charge_id.product_id:
            raise UserError(
                self.env._("%s has no product: its usage cannot be put on an invoice.", rating.charge_id.name)
            )
        # Without a note for each line in the order's chatter: the ledger tells more.
        lines = self.env["sale.order.line"].sudo().with_context(sale_no_log_for_new_lines=True)
        rating.order_line_id = lines.create(
            {
                **values,
                "order_id": self.id,
                "product_id": rating.charge_id.product_id.id,
                "product_uom_qty": 1,
                "discount": 0,
                "x_fc_charge_id": rating.charge_id.id,
                "x_fc_period_start": rating.period_start,
                "x_fc_period_end": rating.period_end,
            }
        )

    def _fc_get_line_name(self, rating):
        """Return the text of a usage line, in the customer's language: what, when, used, included, billed."""
        self = self.with_context(lang=self.partner_id.lang or self.env.lang)
        charge = rating.charge_id.with_context(
            lang=self.env.lang
        )  # not with_env: people who invoice need not read charges
        first, last = rating.period_start.date(), (rating.period_end - datetime.timedelta(microseconds=1)).date()
        title = self.env._("%s (adjustment)", charge.name) if rating.is_adjustment else charge.name
        numbers = {
            name: float_repr(quantity, 6).rstrip("0").rstrip(".")
            for name, quantity in (
                ("used", rating.total_quantity),
                ("included", rating.included_quantity),
                ("billed", rating.billable_quantity),
            )
        }
        text = self.env._("used %(used)s, included %(included)s, billed %(billed)s", **numbers)
        return f"{title}\n{first} - {last}: {text}"


def _midnight(day):
    return datetime.datetime.combine(day, datetime.time.min)
