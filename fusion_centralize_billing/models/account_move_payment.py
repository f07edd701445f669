# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from datetime import timedelta

from odoo import Command, api, fields, models
from odoo.exceptions import AccessError
from odoo.tools import SQL

from ..jobs import repeated_on_conflict

#: An automatic payment that cannot be made right now is looked at again after this long.
_POSTPONED_BY = timedelta(hours=1)
_SWEEP_LIMIT = 1000


class AccountMove(models.Model):
    """Payment of subscription invoices with the customer's saved token: when, how often, what if it fails.

    What may be charged stands in account_move_payment_rules.py. How one charge is sent, and why it is sent
    only once, stands in payment_transaction.py.
    """

    _inherit = "account.move"

    # === FIELDS === #

    x_fc_charge_ids = fields.One2many(
        "payment.transaction", "x_fc_invoice_id", string="Charges", readonly=True, copy=False
    )
    x_fc_payment_state = fields.Selection(
        [
            ("none", "None"),
            ("no_token", "No Saved Payment Method"),
            ("scheduled", "Scheduled"),
            ("in_progress", "In Progress"),
            ("unclear", "Unclear"),
            ("waiting_retry", "Waiting for Retry"),
            ("failed", "Failed"),
            ("paid", "Paid"),
        ],
        string="Saved Card Payment",
        compute="_compute_x_fc_payment_state",
        store=True,
        copy=False,
        help="Payment with the customer's saved payment method. "
        "Unclear: the provider was called, and it is not known whether it has charged, or how much.",
    )
    x_fc_payment_attempts = fields.Integer(
        string="Payment Attempts",
        compute="_compute_x_fc_payment_attempts",
        compute_sudo=True,
        help="How often the provider was called.",
    )
    x_fc_payment_failures = fields.Integer(
        string="Failures in a Row", readonly=True, copy=False, help="The step of the plan's retry schedule."
    )
    x_fc_next_payment_at = fields.Datetime(string="Next Payment Attempt", readonly=True, copy=False)
    x_fc_payment_error = fields.Text(string="Last Payment Error", readonly=True, copy=False)
    x_fc_failure_action_due = fields.Boolean(
        string="Failed for Good",
        readonly=True,
        copy=False,
        help="The last attempt has failed, and what the plan says of that is not done yet.",
    )
    x_fc_lacks_token = fields.Boolean(string="Lacks a Saved Payment Method", readonly=True, copy=False)

    # === CONSTRAINTS AND INDEXES === #

    _x_fc_next_payment_idx = models.Index("(x_fc_next_payment_at) WHERE x_fc_next_payment_at IS NOT NULL")
    _x_fc_failure_action_idx = models.Index("(id) WHERE x_fc_failure_action_due")

    # === COMPUTE === #

    @api.depends(
        "state",
        "payment_state",
        "x_fc_charge_ids.state",
        "x_fc_charge_ids.x_fc_charge_state",
        "x_fc_charge_ids.is_post_processed",
        "transaction_ids.x_fc_charge_state",
        "x_fc_next_payment_at",
        "x_fc_payment_failures",
        "x_fc_lacks_token",
    )
    def _compute_x_fc_payment_state(self):
        for move in self:
            move.x_fc_payment_state = move._fc_get_payment_state()

    def _fc_get_payment_state(self):
        if "unclear" in self.transaction_ids.mapped("x_fc_charge_state"):
            return "unclear"
        sent = self.x_fc_charge_ids.filtered(lambda tx: tx.x_fc_charge_state != "withdrawn")
        in_flight = sent.filtered(lambda tx: tx.state in ("draft", "pending", "authorized"))
        if in_flight:
            return "scheduled" if in_flight.state == "draft" else "in_progress"
        if self.state != "posted" or not self._fc_is_unpaid():
            is_paid = self.payment_state in ("paid", "in_payment") and "done" in sent.mapped("state")
            return "paid" if is_paid else "none"
        if sent.filtered(lambda tx: tx.state == "done" and not tx.is_post_processed):
            return "in_progress"
        if self.x_fc_next_payment_at:
            return "waiting_retry"
        if self.x_fc_lacks_token:
            return "no_token"
        return "failed" if self.x_fc_payment_failures or {"error", "cancel"} & set(sent.mapped("state")) else "none"

    @api.depends("x_fc_charge_ids.x_fc_charge_state")
    def _compute_x_fc_payment_attempts(self):
        for move in self:
            sent = move.x_fc_charge_ids.filtered(lambda tx: tx.x_fc_charge_state in ("answered", "unclear"))
            move.x_fc_payment_attempts = len(sent)

    # === ACTIONS === #

    def action_x_fc_retry_payment(self):
        """Charge the saved payment method with what is due."""
        self.ensure_one()
        self.check_access("read")
        if not self._fc_may_charge():
            raise AccessError(self.env._("Payments are for accountants and billing managers."))
        self._fc_retry_payment()
        return True

    def action_view_x_fc_payment_jobs(self):
        self.ensure_one()
        self.check_access("read")
        action = self.env["ir.actions.actions"]._for_xml_id("queue_job.action_queue_job")
        # sudo: the jobs of the invoice's charges, for people who may see jobs but not transactions.
        keys = [self._fc_payment_job_key(), self._fc_failure_job_key()]
        for tx in self.sudo().x_fc_charge_ids:
            keys += [tx._fc_job_key("charge"), tx._fc_job_key("post_process")]
        return {**action, "domain": [("identity_key", "in", keys)], "context": {}}

    # === BUSINESS === #

    def _post(self, soft=True):
        """Begin the automatic payment of subscription invoices whose plan asks for it."""
        posted = super()._post(soft)
        # sudo: whoever posts invoices need not read tokens and providers.
        for move in posted.sudo():
            if move.move_type == "out_invoice" and move._fc_get_payment_plan()._is_charged_automatically():
                move._fc_pay_automatically()
        return posted

    def _invoice_paid_hook(self):
        result = super()._invoice_paid_hook()
        ended = {
            "x_fc_next_payment_at": False,
            "x_fc_payment_failures": 0,
            "x_fc_payment_error": False,
            "x_fc_failure_action_due": False,
            "x_fc_lacks_token": False,
        }
        # sudo: whoever registers the payment ends the retries.
        self.sudo().filtered(lambda move: any(move[name] for name in ended)).write(ended)
        return result

    def _has_to_be_paid(self):
        """Offer no payment page while the saved payment method is being charged, or may have been."""
        return super()._has_to_be_paid() and not self._fc_is_being_charged()

    def _get_online_payment_error(self):
        messages = [super()._get_online_payment_error()]
        if self._fc_is_being_charged():
            messages.append(self.env._("Your saved payment method is being charged for this invoice."))
        return "\n".join(message for message in messages if message)

    def _fc_retry_payment(self):
        """Begin to charge the customer's saved token with what is due, and return the charge.

        The money is taken by a job. The caller has found the invoice under the rules of its user, who
        needs no access to tokens and transactions: the payment.transaction is returned as superuser.

        :raises BusinessRuleError: ``invoice_not_posted``, ``invoice_already_paid``,
            ``payment_in_progress``, ``no_payment_token``, ``nothing_due`` (also for credit notes)
        """
        self.ensure_one()
        # sudo: see the docstring.
        invoice = self.sudo()
        invoice._fc_lock_payment()
        obstacle = invoice._fc_get_payment_obstacle()
        if obstacle:
            raise obstacle
        return invoice._fc_begin_payment(automatic=False)

    def _fc_describe_payment(self):
        """Return what may be told of the payment with the saved token, as plain JSON values."""
        self.ensure_one()
        # sudo: numbers of the invoice's own; see _fc_retry_payment.
        invoice = self.sudo()
        waits = invoice.x_fc_payment_state == "waiting_retry"
        return {
            "payment_state": invoice.x_fc_payment_state,
            "attempts": invoice.x_fc_payment_attempts,
            "next_retry_at": invoice.x_fc_next_payment_at.isoformat() + "Z" if waits else None,
            "last_error": invoice.x_fc_payment_error or None,
        }

    # === JOBS === #

    @api.model
    def _cron_retry_payments(self):
        """Enqueue one job for each invoice whose next payment attempt is due, or that has failed for good.

        A job that failed is tried again a day later.
        """
        jobs = self.env["queue.job"]
        domain = [("x_fc_next_payment_at", "<=", fields.Datetime.now())]
        due = self.search(domain, order="x_fc_next_payment_at, id", limit=_SWEEP_LIMIT)
        failing = jobs._fc_get_failing_keys("_job_retry_payment")
        due.filtered(lambda move: move._fc_payment_job_key() not in failing)._schedule_payment()
        failed = self.search([("x_fc_failure_action_due", "=", True)], order="id", limit=_SWEEP_LIMIT)
        failing = jobs._fc_get_failing_keys("_job_act_on_failure")
        failed.filtered(lambda move: move._fc_failure_job_key() not in failing)._schedule_failure_action()

    def _schedule_payment(self):
        """Enqueue the automatic payment of each invoice, unless it waits already."""
        for move in self:
            # sudo: the job reads tokens and providers, whoever caused it.
            move.sudo().with_company(move.company_id).with_delay(
                description=self.env._("Retry the payment of %s", move.name),
                identity_key=move._fc_payment_job_key(),
            )._job_retry_payment()

    @repeated_on_conflict
    def _job_retry_payment(self):
        """Begin the payment attempt that is due, in another job. Does nothing if none is due."""
        move = self.exists()
        if not move:
            return self.env._("The invoice does not exist any more.")
        move._fc_lock_payment()
        if not move.x_fc_next_payment_at or move.x_fc_next_payment_at > fields.Datetime.now():
            return self.env._("No payment is due.")
        move._fc_pay_automatically()
        return self.env._("Payment: %s", move.x_fc_payment_state)

    def _schedule_failure_action(self):
        """Enqueue what follows when the last payment attempt of each invoice has failed."""
        for move in self:
            # sudo: the job pauses or closes the subscription, whoever caused it.
            move.sudo().with_company(move.company_id).with_delay(
                description=self.env._("Act on the failed payment of %s", move.name),
                identity_key=move._fc_failure_job_key(),
            )._job_act_on_failure()

    @repeated_on_conflict
    def _job_act_on_failure(self):
        """Pause or close the subscription as its plan says, and tell the service's owner.

        Nothing happens if the invoice was paid meanwhile.
        """
        move = self.exists()
        if move:
            move._fc_lock_payment()
        if not move or not move.x_fc_failure_action_due:
            return self.env._("Nothing is due any more.")
        move.x_fc_failure_action_due = False
        if not move._fc_is_due():
            return self.env._("Nothing is due any more.")
        plan = move._fc_get_payment_plan()
        orders = move.x_fc_subscription_ids.sorted("id")
        outcomes = {order.name: order._fc_act_on_unpaid_invoice(plan) for order in orders}
        if len(set(outcomes.values())) > 1:
            outcome = " ".join(f"{name}: {done}" for name, done in outcomes.items())
        else:
            outcome = next(iter(outcomes.values()), self.env._("The subscription stays as it is."))
        move._fc_alert_owner(
            self.env._("The payment of %s has failed", move.name),
            self.env._("%(error)s %(outcome)s", error=move.x_fc_payment_error or "", outcome=outcome),
        )
        return outcome

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        # When saved cards are charged, and how many failures there were: the last one may close the subscription.
        schedule = {
            "x_fc_payment_state",
            "x_fc_payment_failures",
            "x_fc_next_payment_at",
            "x_fc_payment_error",
            "x_fc_failure_action_due",
            "x_fc_lacks_token",
        }
        return super()._fc_get_guarded_fields() | schedule

    # === HELPERS: BEGINNING === #

    def _fc_lock_payment(self):
        """Let one transaction at a time decide on the payment of these invoices.

        Who waited for another one that began a payment gets a serialization failure, as that changes
        the invoice's row (x_fc_payment_state), and is run again.
        """
        self.env.cr.execute(
            SQL("SELECT id FROM account_move WHERE id IN %s ORDER BY id FOR NO KEY UPDATE", tuple(self.ids)),
            log_exceptions=False,
        )

    def _fc_begin_payment(self, automatic):
        """Create the charge of what is due, and its job."""
        token = self._fc_get_payment_tokens()[:1]
        transactions = self.env["payment.transaction"]
        # With the id, and a letter: no other invoice, and no payment page, makes such references. They
        # are unique in the database, and two transactions that choose the same one would collide.
        prefix = f"{self.name}-S{self.id}"
        charge = transactions.create(
            {
                "provider_id": token.provider_id.id,
                "payment_method_id": token.payment_method_id.id,
                "token_id": token.id,
                "operation": "offline",
                "reference": transactions._compute_reference(token.provider_id.code, prefix=prefix),
                "amount": self.amount_residual,
                "currency_id": self.currency_id.id,
                "partner_id": self.partner_id.id,
                "invoice_ids": [Command.set(self.ids)],
                "x_fc_invoice_id": self.id,
                "x_fc_charge_state": "queued",
                "x_fc_is_automatic": automatic,
            }
        )
        self.x_fc_lacks_token = False
        if automatic:
            self.x_fc_next_payment_at = False
        charge._schedule_charge()
        return charge

    def _fc_pay_automatically(self):
        """Begin a payment as the plan's schedule demands, or note why there is none."""
        obstacle = self._fc_get_payment_obstacle()
        if not obstacle:
            self._fc_begin_payment(automatic=True)
        elif obstacle.code == "payment_in_progress":
            self._fc_postpone_payment()
        elif obstacle.code == "no_payment_token":
            self._fc_note_lacking_token(str(obstacle))
        else:
            self.x_fc_next_payment_at = False

    def _fc_postpone_payment(self):
        self.x_fc_next_payment_at = fields.Datetime.now() + _POSTPONED_BY

    # === HELPERS: FAILING === #

    def _fc_note_lacking_token(self, message):
        """A first payment without a token is not begun; a retry without one has failed."""
        self.write({"x_fc_lacks_token": True, "x_fc_next_payment_at": False, "x_fc_payment_error": message})
        if self.x_fc_payment_failures:
            self._fc_advance_schedule()
            self._fc_emit("invoice.payment_failed", payment=self._fc_describe_payment())

    def _fc_after_failed_payment(self, charge):
        """Plan the next attempt. A charge that a person or an app began uses up no step of a schedule."""
        for move in self:
            move.x_fc_payment_error = charge.state_message
            if charge.x_fc_is_automatic or not (move.x_fc_payment_failures or move.x_fc_next_payment_at):
                move._fc_advance_schedule()

    def _fc_advance_schedule(self):
        """Count a failure; set the day of the next attempt, or act as the plan says after the last one."""
        plan = self._fc_get_payment_plan()
        if not plan._is_charged_automatically() or not self._fc_is_due():
            return
        days = plan._get_payment_retry_days()
        self.x_fc_payment_failures += 1
        if self.x_fc_payment_failures > len(days):
            self.write({"x_fc_next_payment_at": False, "x_fc_failure_action_due": True})
            self._schedule_failure_action()
        else:
            wait = timedelta(days=days[self.x_fc_payment_failures - 1])
            self.x_fc_next_payment_at = fields.Datetime.now() + wait

    def _fc_note_unclear_payment(self, charge, advice):
        """Tell finance people, in an activity and on the invoice, what to look up and what to do.

        :param advice: what to do beside noting whether it was charged
        """
        self.x_fc_payment_error = charge.state_message
        note = self.env._(
            "%(reason)s Look up %(reference)s at %(provider)s, and note on the transaction whether it was charged.",
            reason=charge.state_message,
            reference=charge.reference,
            provider=charge.provider_id.name,
        )
        self._fc_alert_owner(
            self.env._("It is unclear whether %s was paid", self.name), f"{note} {advice}" if advice else note
        )

    def _fc_alert_owner(self, summary, note):
        """Give the service's owner an activity, and leave a note on the invoice."""
        self.message_post(body=f"{summary}. {note}")
        service = self.x_fc_service_id
        open_activity = service.activity_ids.filtered(lambda activity: activity.summary == summary)
        if service.owner_id and not open_activity:
            # On the service: its owner can read that, but not every invoice.
            service.activity_schedule(
                "mail.mail_activity_data_warning", summary=summary, note=note, user_id=service.owner_id.id
            )

    # === HELPERS: JOBS === #

    def _fc_payment_job_key(self):
        return f"fusion_centralize_billing.payment.{self.id}"

    def _fc_failure_job_key(self):
        return f"fusion_centralize_billing.payment_failure.{self.id}"
