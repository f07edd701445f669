# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from datetime import date

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

SUBSCRIPTION_STATES = [
    ("1_draft", "Quotation"),
    ("2_renewal", "Renewal Quotation"),
    ("3_progress", "In Progress"),
    ("4_paused", "Paused"),
    ("5_renewed", "Renewed"),
    ("6_churn", "Churned"),
    ("7_upsell", "Upsell"),
]
# States of a subscription that was started: what is billed depends on the order's own state, too
STARTED_STATES = ("3_progress", "4_paused", "6_churn")
# Context key of a change of the order's state by an action, which keeps the subscription in step with it.
# Its value is an object that no client can send
_BY_ACTION = "fusion_subscription_state_by_action"
_ACTION = object()
# They decide where the boundaries of a confirmed subscription lie, and what is billed when
TERMS = (
    "is_subscription",
    "plan_id",
    "start_date",
    "end_date",
    "x_fc_proration",
    "x_fc_fee_timing",
    "x_fc_trial_days",
    "x_fc_grace_days",
    "x_fc_change_timing",
)


class SaleOrder(models.Model):
    """The subscription: its terms and its life. How it is invoiced stands in sale_order_invoicing.py.

    Dates are days of the subscription, see _get_subscription_today(). Periods are half-open: the invoice of
    boundary B bills [boundary before B, B), in arrears. Boundaries are start_date + n periods, or the first
    days of calendar periods if the plan says so; end_date, if set, is the last one. What was agreed about
    fees stands in sale_order_terms.py.

    People set the terms (TERMS) until the subscription starts, and the end until it is closed. How far it is
    billed, and its state, only code writes.
    """

    _name = "sale.order"
    _inherit = ["sale.order", "fusion.subscription.guarded"]

    # === FIELDS === #

    plan_id = fields.Many2one(
        "sale.subscription.plan",
        string="Recurring Plan",
        check_company=True,
        index="btree_not_null",
        ondelete="restrict",
        tracking=True,
    )
    is_subscription = fields.Boolean(
        string="Is a Subscription",
        compute="_compute_is_subscription",
        store=True,
        readonly=False,
    )
    subscription_state = fields.Selection(
        selection=SUBSCRIPTION_STATES,
        string="Subscription Status",
        compute="_compute_subscription_state",
        store=True,
        copy=False,
        tracking=True,
    )
    start_date = fields.Date(
        copy=False,
        tracking=True,
        help="First day of the first period; the day of confirmation if left empty. A past day is caught up.",
    )
    next_invoice_date = fields.Date(
        string="Date of Next Invoice",
        compute="_compute_next_invoice_date",
        store=True,
        copy=False,
        help="Boundary on which the current period is invoiced. Empty when nothing is left to invoice.",
    )
    last_invoice_date = fields.Date(
        string="Invoiced Until",
        readonly=True,
        copy=False,
        help="Last invoiced boundary: the current period starts here. Empty until the first period is invoiced.",
    )
    end_date = fields.Date(
        copy=False,
        tracking=True,
        help="First day that is no longer covered: the last period is cut short here.",
    )
    x_fc_period_ids = fields.One2many("fusion.subscription.period", "order_id", string="Billed Periods", readonly=True)
    x_fc_period_count = fields.Integer(string="Billed Period Count", compute="_compute_x_fc_period_count")
    x_fc_pause_ids = fields.One2many("fusion.subscription.pause", "order_id", string="Pauses", readonly=True)
    x_fc_term_ids = fields.One2many(
        "fusion.subscription.line.term", "order_id", string="Agreed Terms", readonly=True, copy=False
    )

    # === CONSTRAINTS AND INDEXES === #

    _subscription_due_idx = models.Index("(next_invoice_date) WHERE next_invoice_date IS NOT NULL")
    _subscription_ending_idx = models.Index("(end_date) WHERE end_date IS NOT NULL")
    _subscription_end_after_start = models.Constraint(
        "CHECK(end_date >= start_date)",
        "A subscription cannot end before it starts.",
    )
    _subscription_end_after_invoiced = models.Constraint(
        "CHECK(end_date >= last_invoice_date)",
        "The subscription has already been invoiced beyond this end date.",
    )

    # === COMPUTE === #

    @api.depends("plan_id")
    def _compute_is_subscription(self):
        for order in self:
            order.is_subscription = bool(order.plan_id)

    @api.depends("is_subscription")
    def _compute_subscription_state(self):
        for order in self:
            order.subscription_state = order.is_subscription and (order.subscription_state or "1_draft")

    @api.depends("is_subscription", "plan_id", "state", "start_date", "last_invoice_date", "end_date")
    def _compute_next_invoice_date(self):
        for order in self:
            confirmed = order.is_subscription and order.state == "sale" and order.plan_id and order.start_date
            order.next_invoice_date = confirmed and order._get_next_boundary()

    @api.depends("x_fc_period_ids")
    def _compute_x_fc_period_count(self):
        # sudo: a number on the form of everybody who may read the order
        periods = self.env["fusion.subscription.period"].sudo()
        counts = dict(periods._read_group([("order_id", "in", self.ids)], ["order_id"], ["__count"]))
        for order in self:
            order.x_fc_period_count = counts.get(order, 0)

    # === CRUD === #

    def write(self, vals):
        """Keep the terms that billed periods rest on, and the order's state in step with the subscription.

        :raise UserError: if a fixed term would change, or the state of a started subscription by itself
        """
        self._check_state_changed_by_action(vals)
        for order in self:
            if any(order._is_changed(name, vals) for name in order._get_fixed_terms() if name in vals):
                raise UserError(
                    self.env._(
                        "%(order)s is confirmed or closed: its plan, dates, terms and whether it recurs cannot change.",
                        order=order.name,
                    )
                )
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_billed_subscription(self):
        # sudo: what was billed on a deletable order counts whoever deletes it
        if self.sudo()._has_billed_periods():
            raise UserError(self.env._("A subscription with billed periods cannot be deleted."))

    # === ACTIONS === #

    def action_pause(self):
        """Stop invoicing until the subscription is resumed. The rule for the time between: see _resume_subscription."""
        self._pause_subscription()
        return True

    def action_resume(self):
        self._resume_subscription()
        return True

    def action_close(self):
        """End the subscription today."""
        self._close_subscription()
        return True

    def action_draft(self):
        """Reopen cancelled quotations; what was billed stays closed.

        :raise UserError: if a period of a cancelled subscription has been invoiced
        """
        cancelled = self.filtered(lambda order: order.is_subscription and order.state == "cancel")
        # sudo: what was billed counts whoever reopens the order
        if cancelled.sudo()._has_billed_periods():
            raise UserError(self.env._("An invoiced subscription cannot be reopened. Duplicate it instead."))
        result = super(SaleOrder, self._as_action()).action_draft()
        reopened = cancelled.filtered(lambda order: order.subscription_state == "6_churn")
        reopened._set_subscription_state("1_draft")
        reopened.end_date = False
        return result

    def action_change_subscription(self):
        """Ask for new quantities and prices, and from when they hold."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Change Quantities and Prices"),
            "res_model": "fusion.subscription.change",
            "view_mode": "form",
            "target": "new",
            "context": {"default_order_id": self.id},
        }

    def action_view_subscription_periods(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("fusion_subscription.fusion_subscription_period_action")
        return dict(action, domain=[("order_id", "=", self.id)], context={"create": False})

    # === BUSINESS === #

    def _confirmation_error_message(self):
        if self.is_subscription and not self.plan_id:
            return self.env._("A subscription needs a recurring plan before it can be confirmed.")
        return super()._confirmation_error_message()

    def _action_confirm(self):
        """Start the subscriptions: they run from their start date (today by default)."""
        result = super()._action_confirm()
        for order in self.filtered("is_subscription"):
            # sudo: the computation is called here, not by the ORM, and nobody else writes its result
            order.order_line.sudo()._compute_x_fc_is_recurring()
            order.start_date = order.start_date or order._get_subscription_today()
            order._start_terms()
            order._set_subscription_state("3_progress")
            if order.x_fc_fee_due_on and order._get_due_invoice():
                # A fee in advance need not wait for the hourly run
                order._schedule_recurring_invoice()
        return result

    def _action_cancel(self):
        """End started subscriptions at once; nothing is invoiced or credited any more."""
        started = self.filtered(lambda order: order.subscription_state in STARTED_STATES)
        result = super(SaleOrder, self._as_action())._action_cancel()
        for order in started:
            order.end_date = order._get_default_end_date()
            order._set_subscription_state("6_churn")
            order._end_pause()
        return result

    def _pause_subscription(self):
        """Pause from today on.

        :raise UserError: if a subscription is not in progress
        """
        self._check_subscription_state(("3_progress",), self.env._("Only a subscription in progress can be paused."))
        self._set_subscription_state("4_paused")
        # sudo: pauses are written by these methods only; the change of state has checked the access
        self.env["fusion.subscription.pause"].sudo().create(
            [{"order_id": order.id, "date_from": order._get_subscription_today()} for order in self]
        )

    def _resume_subscription(self):
        """Go on with invoicing, on the boundaries of before.

        Each boundary that passed during the pause is made up for by an invoice of its own, so that
        one-off lines and usage of that time are billed. Recurring lines are left out of the periods that
        lie wholly within the pause; a period in which the subscription ran for at least a day bears them as
        if there had been no pause. The same in advance: a fee whose day comes during the pause is made up for
        unless its period lies wholly within; one already billed is credited if its period does.

        :raise UserError: if a subscription is not paused
        """
        self._check_subscription_state(("4_paused",), self.env._("Only a paused subscription can be resumed."))
        self._set_subscription_state("3_progress")
        self._end_pause()

    def _close_subscription(self, end_date=None):
        """End the subscription; the period up to the end stays to be invoiced once, after the grace period.

        :param end_date: first day no longer covered, today by default. With a later day the
            subscription runs on until then and is closed after its last invoice.
        :raise UserError: if a subscription is not running, or is invoiced beyond the end date
        """
        self._check_subscription_state(
            ("3_progress", "4_paused"), self.env._("Only a running or paused subscription can be closed.")
        )
        for order in self:
            order._end_subscription(fields.Date.to_date(end_date) or order._get_default_end_date())
            if order._get_due_invoice():
                order._schedule_recurring_invoice()

    def _end_subscription(self, end_date):
        self.ensure_one()
        if end_date < self._get_period_start():
            raise UserError(
                self.env._(
                    "%(order)s cannot end before %(date)s.",
                    order=self.name,
                    date=format_date(self.env, self._get_period_start()),
                )
            )
        self.end_date = end_date
        if end_date <= max(self._get_subscription_today(), self._get_period_start()):
            self._set_subscription_state("6_churn")
            self._end_pause()

    def _set_subscription_state(self, state):
        """Move to another state: the only door to it, for other addons to hang events on.

        :raise AccessError: if the user may not write on the order
        """
        self.check_access("write")
        # sudo: nobody writes the state by hand
        self.sudo().subscription_state = state

    # === HELPERS === #

    @api.model
    def _get_subscription_today(self):
        """Return the current day, in which all boundaries are expressed: UTC's, unless an addon knows a zone.

        Server code may put another day, a ``datetime.date``, into the context key
        ``fusion_subscription_today``, to see inside a savepoint what will be invoiced on that day.
        Clients cannot: what they send arrives as text or as a datetime, and does not count.
        """
        day = self.env.context.get("fusion_subscription_today")
        return day if type(day) is date else fields.Date.today()

    @api.model
    def _get_latest_subscription_today(self):
        """Return the latest day that any subscription has now, wherever its days begin."""
        return self._get_subscription_today()

    @api.model
    def _get_guarded_fields(self):
        return super()._get_guarded_fields() | {
            "subscription_state",
            "last_invoice_date",
            "next_invoice_date",
            "x_fc_fee_invoiced_until",
            "x_fc_fee_due_on",
            "x_fc_rest_due_on",
            "x_fc_trial_end_date",
            "x_fc_invoice_on",
        }

    def _as_action(self):
        """Return the orders with leave to change their own state, for code that sees to the subscription's."""
        return self.with_context(**{_BY_ACTION: _ACTION})

    def _check_state_changed_by_action(self, vals):
        """Refuse to reopen or cancel a started subscription by writing the order's state only."""
        if "state" not in vals or self.env.su or self.env.context.get(_BY_ACTION) is _ACTION:
            return
        for order in self:
            if order.subscription_state in STARTED_STATES and order._is_changed("state", vals):
                raise UserError(
                    self.env._("%s is a started subscription: close or cancel it with the buttons.", order.name)
                )

    def _has_billed_periods(self):
        return any(order.x_fc_period_ids or order.x_fc_fee_invoiced_until for order in self)

    def _get_period_start(self):
        """Return where the period that is not invoiced yet begins."""
        self.ensure_one()
        return self.last_invoice_date or self.start_date

    def _get_next_boundary(self):
        """Return the date on which the current period is invoiced, False when none is left."""
        self.ensure_one()
        reached = self._get_period_start()
        if self.end_date and self.end_date <= reached:
            return False
        boundary = self.plan_id._get_recurrence().next_boundary(self.start_date, reached)
        return min(boundary, self.end_date) if self.end_date else boundary

    def _get_default_end_date(self):
        """Return today, or the earlier day agreed; never before what has been invoiced."""
        self.ensure_one()
        today = self._get_subscription_today()
        return max(min(self.end_date or today, today), self._get_period_start())

    def _get_fixed_terms(self):
        """Return the names of the terms that cannot change any more."""
        self.ensure_one()
        if self.subscription_state == "6_churn":
            return TERMS
        is_starting = self.is_subscription and self.subscription_state == "1_draft"
        if self.state in ("draft", "sent") or is_starting:
            return ()
        return tuple(name for name in TERMS if name != "end_date")

    def _check_subscription_state(self, allowed, message):
        if any(order.state != "sale" or order.subscription_state not in allowed for order in self):
            raise UserError(message)

    def _end_pause(self):
        # sudo: see _pause_subscription
        self.sudo().x_fc_pause_ids.filtered(lambda pause: not pause.date_to)._end()
