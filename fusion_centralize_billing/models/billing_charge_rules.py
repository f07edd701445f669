# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import datetime
from itertools import combinations

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL, format_date

from .changes import get_changes
from .price_schedule import ALWAYS


class BillingCharge(models.Model):
    """What a charge may not become: a second price that nobody asked for, or another one's history."""

    _inherit = "fusion.billing.charge"

    # === CRUD === #

    @api.ondelete(at_uninstall=False)
    def _unlink_except_running(self):
        for charge in self:
            if charge._get_running_subscriptions():
                raise UserError(self.env._("%s applies to running subscriptions: archive it instead.", charge.name))

    # === SECOND PRICES === #

    def _check_beside_others(self):
        """Refuse charges that would price the same counters of the same days as another one does."""
        if not self:
            return
        # Of two charges that are made at once neither sees the other: who comes late is run again, and does.
        self.env.cr.execute(
            SQL("UPDATE fusion_billing_metric SET write_date = write_date WHERE id IN %s", tuple(self.metric_id.ids)),
            log_exceptions=False,
        )
        # sudo: other charges count whoever makes one.
        charges = self.sudo().with_context(active_test=False)
        rivals = charges.search(
            [("plan_code", "in", self.mapped("plan_code")), ("metric_id", "in", self.metric_id.ids)]
        )
        for charge, other in combinations(rivals, 2):
            if (charge in charges or other in charges) and charge._is_rival_of(other):
                newer, older = (charge, other) if charge.id > other.id else (other, charge)
                if (day := newer._get_shared_day(older)) is not None:
                    newer._refuse_beside(older, day)

    def _is_rival_of(self, other):
        same = (self.plan_code, self.company_id, self.metric_id) == (
            other.plan_code,
            other.company_id,
            other.metric_id,
        )
        return same and not self.is_additional and not other.is_additional

    def _get_shared_day(self, other):
        """Return the first day of billing periods of which both charges price some counters, or None."""
        days = [
            max(first, others_first)
            for first, until, filters in self._get_priced_spans()
            for others_first, others_until, others_filters in other._get_priced_spans()
            if max(first, others_first) < min(until, others_until) and _is_shared(filters, others_filters)
        ]
        return min(days, default=None)

    def _get_priced_spans(self):
        """Return ``[(first day, day after the last, filters)]`` of the billing periods that the charge prices."""
        stages, end = self._get_stages(), self.effective_until or datetime.date.max
        if not stages or not (self.active or self.effective_until):
            return []
        ends = [*(min(stage.day, end) for stage in stages[1:]), end]
        return [
            (stage.day, until, stage.terms.filters)
            for stage, until in zip(stages, ends, strict=True)
            if stage.applies and stage.day < until
        ]

    def _refuse_beside(self, other, day):
        since = self.env._("always") if day == ALWAYS else format_date(self.env, day)
        raise ValidationError(
            self.env._(
                "%(charge)s would price counters of %(metric)s in %(plan)s that %(other)s prices already, from %(day)s "
                "on. Change the price of %(other)s instead, archive it first and let this one begin when it has ended "
                '("New Prices Apply From"), or give them filters that differ. If both prices are meant, say so with '
                '"Priced Beside Others".',
                charge=self.name,
                metric=self.metric_id.name,
                plan=self.plan_code,
                other=other.name,
                day=since,
            )
        )

    # === WHAT STAYS === #

    def _check_metric_of(self, charge_model):
        metric = self.metric_id
        if charge_model == "percentage" and (metric.aggregation, metric.unit_rounding) != ("sum", "none"):
            raise ValidationError(
                self.env._("%s: a percentage needs a metric that is summed up, without rounding.", self.name)
            )

    def _check_metric_kept(self, vals):
        """A charge that has rated keeps its metric: late usage would take back what the old one has billed."""
        if self.filtered(lambda charge: get_changes(charge, vals, ["metric_id"]))._has_rated():
            raise UserError(
                self.env._("A charge that has rated usage keeps its metric. Archive it and make another one.")
            )

    def _check_plan_kept(self, vals):
        """A charge of running subscriptions keeps its plan: the periods they have begun would lose or gain it."""
        for charge in self:
            moves = get_changes(charge, vals, ["plan_code", "company_id"])
            if moves and (charge._get_running_subscriptions() or charge._has_rated()):
                raise UserError(
                    self.env._(
                        "%s applies to subscriptions, so it keeps its plan and company. "
                        "Archive it and make another one.",
                        charge.name,
                    )
                )

    def _has_rated(self):
        # sudo: ratings of every company count.
        return bool(self.env["fusion.billing.rating"].sudo().search_count([("charge_id", "in", self.ids)], limit=1))

    # === DAYS === #

    def _get_end_of_archived(self, planned):
        """Return until when a charge applies that was just archived, or is active again (for no end).

        One by which nobody was charged, nor will be for a period that has begun, needs no end: it applies no more.

        :param planned: the end it had before
        """
        subscriptions = self._get_running_subscriptions()
        if self.active or not (subscriptions or self._has_rated()):
            return False
        next_day = self._get_first_new_day(subscriptions)
        return min(planned, next_day) if planned else next_day

    def _get_pause(self, was_active, end, is_moved, effective_from):
        """Return since when a charge that applies does so anew, or None if it did all the time.

        What was archived without an end, or moved to a plan or metric, has priced nothing there so far: it begins
        as a new charge does. What had ended counts as never ended, unless it is given a day: the time until then
        stays free.

        :param was_active: before the change, as is ``end``
        """
        if is_moved or not (was_active or end):
            return ALWAYS
        had_ended = end and self.effective_until != end and (not was_active or end <= fields.Date.today())
        return end if had_ended and effective_from else None

    def _get_running_subscriptions(self):
        """Return the subscriptions that this charge applies to."""
        return self.env["fusion.billing.plan"]._find_subscriptions(self.plan_code, self.company_id)


def _is_shared(filters, others):
    """Tell whether a counter can have what both filters ask for: not if they want other values of one property."""
    accepted = dict(others)
    return not any(name in accepted and not set(values) & set(accepted[name]) for name, values in filters)
