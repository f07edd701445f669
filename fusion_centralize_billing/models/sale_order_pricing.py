# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import datetime

from odoo import models

from ..api.errors import BusinessRuleError
from ..api.list_payloads import MAX_GROUPS
from ..rating import Usage, to_decimal
from .price_terms import PriceTerms
from .usage_window import group_dimensions


class SaleOrder(models.Model):
    """Pricing: which charges with which terms apply to which period, and what its usage costs. Writes nothing."""

    _inherit = "sale.order"

    # === BUSINESS === #

    def _fc_get_current_usage(self):
        """Price the current billing period of many subscriptions as rating would, without writing anything.

        The number of queries does not depend on how many they are, so that a page of a list costs what one costs.

        :raises BusinessRuleError: ``too_many_groups`` beyond MAX_GROUPS for each subscription
        :return: ``{subscription: [{"charge", "dimensions", "period_start", "period_end", "rated", "amount"}]}``, with
            the properties of a group, a Rated result, and its amount as Decimal in the subscription's currency
        """
        wanted = {
            (order, charge, *order._fc_get_current_period()): terms
            for (order, charge), terms in self._fc_get_current_charges().items()
        }
        result = {order: [] for order in self}
        for (order, charge, start, end), groups in self._fc_price(wanted, MAX_GROUPS * len(self)).items():
            step = to_decimal(order.currency_id.rounding)
            billed = wanted[order, charge, start, end].bill(groups, step)
            for group, (rated, amount) in sorted(billed.items()):
                result[order].append(
                    {
                        "charge": charge,
                        "dimensions": group_dimensions(group),
                        "period_start": start,
                        "period_end": end,
                        "rated": rated,
                        "amount": amount,
                    }
                )
        return result

    def _fc_price(self, wanted, max_groups=None):
        """Price the usage of windows of time, in two queries at most.

        :param wanted: ``{(subscription, charge, start, end): PriceTerms}``
        :param max_groups: see ``fusion.billing.usage: _aggregate_windows``
        :return: ``{(subscription, charge, start, end): {group: Rated}}``
        :raises BusinessRuleError: ``currency_mismatch`` if a charge has another currency than its subscription
        """
        for order, charge, _start, _end in wanted:
            order._fc_check_currency(charge)
        windows = {key: terms.window(key[0], key[1].metric_id, *key[2:]) for key, terms in wanted.items()}
        # sudo: usage counts whoever looks; the caller has access to the subscriptions.
        usage = self.env["fusion.billing.usage"].sudo()
        totals = usage._aggregate_windows(windows.values(), max_groups)
        rows = usage._get_quantities_of_windows(windows[key] for key, terms in wanted.items() if terms.needs_rows)
        return {
            key: {
                group: key[1]._price(Usage(total, rows.get(windows[key], {}).get(group, ())), terms)
                for group, total in totals[windows[key]].items()
            }
            for key, terms in wanted.items()
        }

    def _fc_get_current_charges(self):
        """Return ``{(subscription, charge): PriceTerms}`` of what prices the current billing periods."""
        return self._fc_get_charges_of_periods({order: order._fc_get_current_period() for order in self})

    def _fc_get_charges_of_periods(self, periods):
        """Return ``{(subscription, charge): PriceTerms}`` of what prices some periods that are not closed.

        What was billed already of a period keeps its terms.

        :param periods: ``{subscription: (start, end) or None}``, instants
        """
        running = self.filtered(lambda order: periods[order])
        found = {
            (order, charge): order._fc_find_terms(charge, *periods[order])
            for order, charges in running._fc_get_charges_by_subscription().items()
            for charge in charges
        }
        terms = {key: each for key, each in found.items() if each}
        domain = [
            ("subscription_id", "in", running.ids),
            ("period_start", "in", [periods[order][0] for order in running]),
            ("kind", "=", "usage"),
            ("state", "=", "billed"),
        ]
        # sudo: the ledger counts whoever looks.
        for rating in self.env["fusion.billing.rating"].sudo().search(domain, order="sequence"):
            order = rating.subscription_id.with_env(self.env)
            key = (order, rating.charge_id)
            if rating.period_start == periods[order][0]:
                # Its prices: how much of a full period it is, and whether it owes a fee, may have changed since.
                terms[key] = order._fc_fit_terms(PriceTerms.from_json(rating.terms), *periods[order])
        return terms

    def _fc_get_charges_by_subscription(self):
        """Return ``{subscription: charges}`` with one search: also archived ones, which apply until their end."""
        codes = [code for code in self.mapped("x_fc_plan_code") if code]
        domain = [("plan_code", "in", codes), "|", ("active", "=", True), ("effective_until", "!=", False)]
        # sudo: charges of a subscription count whoever looks at it. "active" in the domain switches off Odoo's own
        # test for it, which the context of a client could change.
        charges = self.env["fusion.billing.charge"].sudo().search(domain)
        by_plan = charges.grouped(lambda charge: (charge.plan_code, charge.company_id))
        none = charges.browse()
        return {order: by_plan.get((order.x_fc_plan_code, order.company_id), none) for order in self}

    def _fc_get_current_period(self):
        """Return the billing period not invoiced yet, as (start, end) in naive UTC, or None.

        From the last invoiced boundary, or the start date, to the next invoice date, or an end before it, at midnight
        of its time zone.
        """
        self.ensure_one()
        start = self.x_fc_billed_until or self.start_date
        boundary = start and self._edition_get_period_end(start)
        # A planned end cuts a period that is there; it makes none of several.
        ends = [day for day in (boundary, self._fc_get_end_date() if boundary else self._fc_get_ended_on()) if day]
        if not start or not ends or min(ends) <= start:
            return None
        return self._fc_start_of(start), self._fc_start_of(min(ends))

    def _fc_get_usage_limit(self, period_end):
        """Return the first instant of usage that a period does not bill: its end, but for the last period.

        The last period bills also what was acknowledged for later, before the end was known: there is no
        other that would, unless another order continues the subscription.
        """
        if self.x_fc_successor_id:
            return period_end
        end_date = self._fc_get_end_date()
        return datetime.datetime.max if end_date and self._fc_day_of(period_end) >= end_date else period_end

    def _fc_get_period_fraction(self, start, end):
        """Return the part of a full period that [start, end) is, as far as the subscription is billed by it."""
        return self._edition_get_period_fraction(self._fc_day_of(start), self._fc_day_of(end))

    # === HELPERS === #

    def _fc_find_terms(self, charge, start, end):
        """Return the terms of a charge for a period, or None if it does not apply to it."""
        terms = charge._get_price_terms(self._fc_day_of(start))
        return terms and self._fc_fit_terms(terms, start, end)

    def _fc_get_terms(self, charge, start, end):
        """Return the terms of a charge for a period to which it applies, whatever its dates say."""
        terms = charge._get_price_terms(self._fc_day_of(start)) or charge._get_price_terms()
        return self._fc_fit_terms(terms, start, end)

    def _fc_fit_terms(self, terms, start, end):
        """Return terms as they apply to a period, whatever part of it was billed before."""
        fraction = self._fc_get_period_fraction(start, end)
        return terms.for_period(fraction, not terms.has_flat_fees or self._fc_owes_fee(start, end))

    def _fc_owes_fee(self, start, end):
        """Tell whether a period owes any fee: none does within the trial, nor one that was paused all the time."""
        # What lies before the first period is no period.
        first_day = self._fc_day_of(start)
        if not self.start_date or first_day < self.start_date:
            return True
        # sudo: pauses and recurrences count, whoever looks; the caller has access to the subscription.
        return self.sudo()._edition_owes_fee(first_day, self._fc_day_of(end))

    def _fc_check_currency(self, charge):
        if charge.currency_id != self.currency_id:
            raise BusinessRuleError(
                self.env._(
                    "%(charge)s is priced in %(charge_currency)s, but %(order)s in %(order_currency)s.",
                    charge=charge.name,
                    charge_currency=charge.currency_id.name,
                    order=self.name,
                    order_currency=self.currency_id.name,
                ),
                code="currency_mismatch",
            )
