# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, models


class Edition(models.AbstractModel):
    """The edition port: all that the core asks of the installed edition of subscriptions.

    ``fusion_subscription`` implements it for Community, ``enterprise/fusion_subscription`` for Enterprise, both on
    sale.order. They know nothing of the core and are installed before it; the core adds this model to sale.order as
    the last parent, so that a method that an edition lacks is found here, and says so.

    Beside these methods the core uses what both editions have: the models and fields of FIELDS, and the hooks that
    an edition offers for overriding, named in HOOKS. It looks into no other field or method of an edition.

    Days are days of the subscription; periods are half-open, [first day, first day after).
    """

    _name = "fusion.billing.edition"
    _description = "What Billing Asks of Subscriptions"

    #: Fields that both editions have. What end_date means differs: see _edition_get_planned_end.
    FIELDS = frozenset(
        {
            *("is_subscription", "plan_id", "subscription_state", "start_date", "next_invoice_date", "end_date"),
            *("billing_period_value", "billing_period_unit"),
            "recurring_invoice",
        }
    )
    #: The job of an edition whose failures the core shows.
    INVOICING_JOB = "_job_create_recurring_invoice"
    #: Methods of an edition that the core extends, and what the edition calls them for.
    HOOKS = {
        "_attempt_job": "do the work of a job, so that a mendable fault does not fail it",
        "_get_invoice_group_key": "which due subscriptions share an invoice (Enterprise groups by invoice values)",
        "_invoice_group": "invoice and post what is due of a group (Enterprise does not ask)",
        "_get_subscription_today": "the day that counts as today",
        "_get_latest_subscription_today": "the latest day that any subscription has now",
        "_get_default_end_date": "the day on which a subscription ends that is closed without one",
        "_get_rest_lines": "the lines that are invoiced after the end for their own sake",
        "_before_next_period": "the next invoice date is about to move on",
        "_before_recurring_invoice": "the recurring run is about to look for what is to be invoiced",
        "_get_renewal_values": "what the order of a renewal takes over",
        "_is_billed_by_usage": "a line that is billed once, in arrears, and that no renewal or upsell takes along",
    }

    # === PERIODS === #

    def _edition_get_period_around(self, day):
        """Return the billing period (first day, first day after) that holds a day; None if there is none.

        Cut short where the subscription starts and ends. Days before the start are not asked for.
        """
        raise NotImplementedError

    def _edition_get_period_end(self, start):
        """Return the first day after the period that is not closed yet and begins on a day, or None."""
        raise NotImplementedError

    def _edition_get_due_boundary(self, ended_on):
        """Return the day on which the period ends that an invoice made now closes, or None if it closes none.

        :param ended_on: the first day that an ended subscription does not cover, or None
        """
        raise NotImplementedError

    def _edition_get_passed_boundaries(self, reached, ended_on):
        """Return the boundaries after a day that were passed without an invoice, oldest first.

        :param reached: the last boundary that was seen, or the start
        :param ended_on: the first day that an ended subscription does not cover, or None
        """
        raise NotImplementedError

    def _edition_pass_boundary(self):
        """Go on to the next period, as the recurring run does after an invoice; for a preview that is undone."""
        raise NotImplementedError

    def _edition_preview_end(self):
        """End a subscription whose planned end has come, without reasons or history; for a preview that is undone.

        Asked only where the order's end date does not decide: see _edition_end_decides.
        """
        raise NotImplementedError

    def _edition_is_reached(self, day):
        """Tell whether a boundary has come."""
        raise NotImplementedError

    def _edition_get_invoiced_days(self, current):
        """Return the days (first, first after) that the invoice being made is about, or None.

        Those of the period that it closes, or else of the fee that it bills in advance.

        :param current: the days of the period that is not closed yet, or None
        """
        raise NotImplementedError

    def _edition_get_invoice_day(self, period):
        """Return the day on which a period is invoiced; without one the day of what is left, or None."""
        raise NotImplementedError

    def _edition_has_due_invoice(self):
        """Tell whether the recurring run of the edition has something to invoice now, an ended period included."""
        raise NotImplementedError

    def _edition_is_in_recurring_run(self):
        """Tell whether a run of the edition invoices now that shares its transaction among subscriptions."""
        raise NotImplementedError

    def _edition_waits_for_last_period(self):
        """Tell whether the edition invoices the last period of an ended subscription later."""
        raise NotImplementedError

    def _edition_schedule_invoicing(self):
        """Have the edition invoice what is due in a job of its own; nothing where a recurring run does."""
        raise NotImplementedError

    def _edition_get_invoicing_key(self):
        """Return the identity key of the edition's invoicing job, or None if it has no such job."""
        raise NotImplementedError

    def _edition_get_billed_until(self):
        """Return the day up to which a running subscription is behind us when billing is installed, or None."""
        raise NotImplementedError

    @api.model
    def _edition_end_decides(self):
        """Tell whether the last period ends where the order's end date says, so that it has to leave it a day."""
        raise NotImplementedError

    @api.model
    def _edition_get_proof_columns(self):
        """Return (SQL of the planned end, SQL of the day on which the open period is invoiced) of sale_order."""
        raise NotImplementedError

    # === LIFE === #

    def _edition_get_planned_end(self):
        """Return the first day that the subscription does not cover, as far as it was planned, or None."""
        raise NotImplementedError

    def _edition_plan_end(self, end_date):
        """Set the first day that a running subscription will not cover, or take a planned end back (None)."""
        raise NotImplementedError

    def _edition_close(self, end_date, reason):
        """End a running subscription, in the way of the edition and with its reasons.

        :param end_date: the first day that it does not cover; a later one than today is planned
        :param reason: a code of close_reasons.REASONS, or None
        """
        raise NotImplementedError

    def _edition_pause(self):
        """Pause a subscription in progress."""
        raise NotImplementedError

    def _edition_get_renewed(self):
        """Return the order that this one continues, as a renewal, or an empty recordset."""
        raise NotImplementedError

    # === FEES === #

    def _edition_get_recurring_lines(self):
        """Return the order lines that are billed in every period."""
        raise NotImplementedError

    def _edition_get_recurring_fee(self, start, end):
        """Return what the recurring lines cost for the days [start, end) of one period, without tax, as Decimal."""
        raise NotImplementedError

    def _edition_owes_fee(self, start, end):
        """Tell whether the period [start, end) owes a fee at all; start is not before the subscription's start."""
        raise NotImplementedError

    def _edition_get_period_fraction(self, start, end):
        """Return which part of a full period [start, end) is billed as, as Fraction; 1 unless proration is by day."""
        raise NotImplementedError

    def _edition_get_committed_days(self, start, end):
        """Return (first day, first day after, days of a full period) of [start, end) that bear a minimum."""
        raise NotImplementedError

    # === CHANGES === #

    def _edition_get_change_day(self, chosen=None):
        """Return the first day of a term that is agreed now.

        :param chosen: the day that was chosen, or None for the rule of the edition
        :raises UserError: if the chosen day is invoiced already
        """
        raise NotImplementedError

    def _edition_get_earliest_change(self):
        """Return the first day on which quantities can change; None if the edition knows no day."""
        raise NotImplementedError

    def _edition_change_recurring_lines(self, values_by_line, day):
        """Change quantities of recurring lines from a day on; asked only where there is an earliest one.

        :param values_by_line: {order line: values}
        """
        raise NotImplementedError

    def _edition_get_effective_from(self, line):
        """Return the first day of what was agreed last about a line, or None if it always held, or is not known."""
        raise NotImplementedError

    # === CATALOGUE === #

    @api.model
    def _edition_prepare_line_role(self, role):
        """Return the values by which a line is billed every period (``recurring``) or once (``one_off``)."""
        raise NotImplementedError

    @api.model
    def _edition_product_decides(self):
        """Tell whether a line is billed in every period because its product says so."""
        raise NotImplementedError

    @api.model
    def _edition_get_order_terms(self):
        """Return {term of a plan: field of the order that keeps it} of the terms that the edition leaves to the plan.

        Terms that are not among them the edition decides itself; plans cannot set them.
        """
        raise NotImplementedError

    # === MONEY === #

    @api.model
    def _edition_collects_payments(self):
        """Tell whether the edition charges saved payment methods itself, so that nobody else may."""
        raise NotImplementedError

    @api.model
    def _edition_give_back(self, moves):
        """Have billed anew what the edition billed on void invoices: its fees and one-off lines."""
        raise NotImplementedError

    @api.model
    def _edition_bills_rest(self):
        """Tell whether the edition bills one-off lines of ended subscriptions, so that a last invoice may not."""
        raise NotImplementedError
