# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Charges: transactions that take the money of an invoice with a saved token, without the customer.

Two numbers must hold: one charge in flight per invoice, and one call of the provider per charge.

One in flight: a unique index on the invoice over the states draft, pending and authorized. Whoever
begins a payment locks and changes the invoice's row, so that of two at once the second runs again
and finds the first one's charge.

One call: the record is created, with the job ``_job_charge``, by the transaction that decides to
charge. When the job runs, the record is committed. The job locks record and invoice, checks that the
amount is still due, and takes the right to call (``fusion.billing.payment.call``), which is committed
by itself before the provider is called. Whatever happens afterwards:

================================================  ===================================================
killed, or rolled back, before the right is taken  nothing was sent; the next run charges
killed between taking the right and the call      not sent, but nobody can know: ``unclear``
killed during or after the call                   ``unclear``, until the provider's webhook tells
serialization failure after the call              the same: queue_job runs the job again, which finds
                                                  the right taken
two workers, a requeued job                       the second waits for the lock and then finds the
                                                  charge answered, or the right taken
webhook during the call                           waits for the lock; Odoo runs the request again
webhook before the job runs again                 the charge is answered; the run finds nothing to do
time-out, broken connection, HTTP 5xx, 409        ``unclear``: Odoo takes these for errors, and a retry
                                                  would be another charge
answer of another amount or currency              ``unclear``: see payment_transaction_amount.py
================================================  ===================================================

So a charge whose outcome nobody knows is never sent again by itself: it stays in flight, is shown as
``unclear``, and the service's owner has an activity. The webhook ends it, or a person who has looked
at the provider's site, with a button on the transaction.

Which repetitions would be safe? Providers that get an idempotency key from Odoo
(``payment_utils.generate_idempotency_key``, made of database and reference: Stripe, Adyen, Worldline,
Mercado Pago) answer the same request with the first one's result, for about a day, if it is the same
to the letter. Addresses and tokens in it may change, other providers get no key, and Odoo turns "key
used with another request" into an error like a refused card. The key is therefore a second belt for
requests that a network repeats, and nothing here relies on it. A new attempt is a new record with a
new reference, hence a new key, and is made only after an answer.

What is written beside the provider's answer is kept small, since a conflict there would lose it:
``_job_charge`` has a cursor of its own (``allow_commit`` of its job function), which is committed as
soon as the method returns, and post-processing (``_post_process`` of account_payment: account.payment
and reconciliation) and the consequences of failures are jobs of their own.
"""

from datetime import timedelta

import requests
from urllib3.exceptions import NewConnectionError

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import SQL

from ..jobs import repeated_on_conflict

#: A charge this old that is still queued has lost its job.
_LOST_AFTER = timedelta(minutes=5)
_SWEEP_LIMIT = 1000


class ChargeUnclearError(Exception):
    """The provider was called, and nobody knows whether it has charged.

    Not a ValidationError, which ``payment.transaction`` and the providers take for a refusal.
    """


class PaymentTransaction(models.Model):
    _name = "payment.transaction"
    _inherit = ["payment.transaction", "fusion.billing.guarded"]

    # === FIELDS === #

    x_fc_invoice_id = fields.Many2one(
        "account.move",
        string="Charged Invoice",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        help="Set on charges with a saved token: the invoice whose amount is taken.",
    )
    x_fc_charge_state = fields.Selection(
        [("queued", "Queued"), ("unclear", "Unclear"), ("answered", "Answered"), ("withdrawn", "Withdrawn")],
        string="Charge",
        readonly=True,
        copy=False,
        help="Unclear: the provider was called, and it is not known whether it has charged, or how much. "
        "Withdrawn: not sent, as the amount was not due any more.",
    )
    x_fc_is_automatic = fields.Boolean(
        string="Automatic", readonly=True, copy=False, help="Begun by the plan's schedule, not by a person or an app."
    )

    # === CONSTRAINTS AND INDEXES === #

    _x_fc_in_flight_uniq = models.UniqueIndex(
        "(x_fc_invoice_id) WHERE x_fc_invoice_id IS NOT NULL AND state IN ('draft', 'pending', 'authorized')",
        "A payment of this invoice is under way.",
    )

    # === ACTIONS === #

    def action_x_fc_note_charged(self):
        """Note that an unclear charge has taken the money."""
        self._fc_check_may_settle()
        message = self.env._("Noted as charged by %s.", self.env.user.name)
        self.sudo()._set_done(state_message=message, extra_allowed_states=("cancel",))
        return True

    def action_x_fc_note_not_charged(self):
        """Note that an unclear charge has not taken the money: it counts as a failed attempt."""
        self._fc_check_may_settle()
        message = self.env._("Noted as not charged by %s.", self.env.user.name)
        charge = self.sudo()
        if charge.state in ("error", "cancel"):
            # It has failed, and was counted, before it became unclear.
            charge.write({"x_fc_charge_state": "answered", "state_message": message})
        else:
            charge._set_error(message)
        return True

    # === BUSINESS === #

    def _update_state(self, allowed_states, target_state, state_message):
        """The door of ``payment.transaction`` to every state: any of them is an answer to a charge."""
        updated = super()._update_state(allowed_states, target_state, state_message)
        answered = updated.filtered(lambda tx: tx.x_fc_charge_state in ("queued", "unclear"))
        answered.sudo().x_fc_charge_state = "answered"  # sudo: nobody writes it by hand, but people end transactions.
        return updated

    def _set_done(self, *, state_message=None, extra_allowed_states=()):
        """Have paid charges post-processed now, not when Odoo's cron comes by."""
        done = super()._set_done(state_message=state_message, extra_allowed_states=extra_allowed_states)
        done.filtered("x_fc_invoice_id")._schedule_post_process()
        return done

    def _set_error(self, state_message, extra_allowed_states=()):
        """Tell the service of an invoice that its payment failed."""
        failed = super()._set_error(state_message, extra_allowed_states=extra_allowed_states)
        failed._fc_note_failure()
        return failed

    def _set_canceled(self, state_message=None, extra_allowed_states=()):
        """A charge that the provider cancels has failed; a customer who leaves a payment page has not."""
        canceled = super()._set_canceled(state_message, extra_allowed_states=extra_allowed_states)
        canceled.filtered(lambda tx: tx.x_fc_charge_state == "answered")._fc_note_failure()
        return canceled

    def _send_api_request(self, method, endpoint, **options):
        """Tell a refusal apart from a request whose fate is unknown, which Odoo treats alike.

        ``payment.provider._send_api_request`` raises ValidationError for both while it handles the
        exception of ``requests``.
        """
        try:
            return super()._send_api_request(method, endpoint, **options)
        except ValidationError as error:
            if self.x_fc_charge_state == "queued" and _is_unclear(error.__context__):
                raise ChargeUnclearError(str(error)) from error
            raise

    # === JOBS === #

    @api.model
    def _cron_resume_charges(self):
        """Give queued charges a job that should have been run by now and lost theirs; a day later if it failed."""
        overdue = fields.Datetime.now() - _LOST_AFTER
        domain = [("state", "=", "draft"), ("x_fc_charge_state", "=", "queued"), ("create_date", "<", overdue)]
        lost = self.search(domain, order="id", limit=_SWEEP_LIMIT)
        failing = self.env["queue.job"]._fc_get_failing_keys("_job_charge")
        lost.filtered(lambda tx: tx._fc_job_key("charge") not in failing)._schedule_charge()

    def _schedule_charge(self):
        """Enqueue the charge of each transaction, unless it waits already."""
        for tx in self:
            # sudo: the job reads providers and tokens and writes on the invoice, whoever caused it.
            tx.sudo().with_company(tx.company_id).with_delay(
                description=self.env._("Charge %s", tx.reference),
                identity_key=tx._fc_job_key("charge"),
            )._job_charge()

    @repeated_on_conflict
    def _job_charge(self):
        """Charge the saved token once, however often this is run. See the top of this file.

        Relies on ``_charge_with_token``, Odoo's entry to off-session payments, which calls the
        provider's ``_send_payment_request``; ``operation`` is ``offline``.
        """
        tx = self.exists()
        if not tx:
            return self.env._("The transaction does not exist any more.")
        tx._fc_lock()
        if tx.state != "draft" or tx.x_fc_charge_state != "queued":
            return self.env._("Nothing to charge: the transaction is %s.", tx.state)
        obstacle = tx._fc_get_obstacle()
        if obstacle:
            tx._fc_withdraw(obstacle)
            return obstacle
        if not self.env["fusion.billing.payment.call"]._take(tx):
            tx._fc_note_unclear(self.env._("An earlier run called the provider and did not live to see the answer."))
            return tx.state_message
        try:
            # The context is account_payment's: messages on the invoice are not the customer's own.
            tx.with_context(payment_backend_action=True)._charge_with_token()
        except (ChargeUnclearError, requests.RequestException) as error:
            tx._fc_note_unclear(str(error))
        if tx.state == "draft" and tx.x_fc_charge_state == "queued":
            tx._fc_note_unclear(self.env._("The provider's answer says neither that it has charged nor that it won't."))
        return self.env._("%(state)s %(message)s", state=tx.state, message=tx.state_message or "")

    def _schedule_post_process(self):
        """Enqueue the post-processing of each transaction, unless it waits already."""
        for tx in self:
            # sudo: the job creates and reconciles payments, whoever caused it.
            tx.sudo().with_company(tx.company_id).with_delay(
                description=self.env._("Register the payment %s", tx.reference),
                identity_key=tx._fc_job_key("post_process"),
            )._job_post_process()

    @repeated_on_conflict
    def _job_post_process(self):
        """Register and reconcile the payment of a transaction that is done, unless Odoo's cron was first."""
        tx = self.exists()
        if not tx:
            return self.env._("The transaction does not exist any more.")
        tx._fc_lock()
        if tx.state != "done" or tx.is_post_processed:
            return self.env._("Nothing to register.")
        tx.with_context(payment_backend_action=True)._post_process()
        return self.env._("Registered: %s", tx.payment_id.name)

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        # One charge in flight per invoice, and one call per charge, rest on these.
        return super()._fc_get_guarded_fields() | {"x_fc_invoice_id", "x_fc_charge_state", "x_fc_is_automatic"}

    def _fc_job_key(self, job):
        return f"fusion_centralize_billing.{job}.{self.id}"

    def _fc_lock(self):
        """Keep others off the transaction, and the invoice that it charges, until this transaction ends.

        Not FOR UPDATE: the right to call refers to the charge, from another transaction.
        """
        for records in filter(None, (self, self.x_fc_invoice_id)):
            self.env.cr.execute(
                SQL("SELECT id FROM %s WHERE id = %s FOR NO KEY UPDATE", SQL.identifier(records._table), records.id),
                log_exceptions=False,
            )

    def _fc_get_obstacle(self):
        """Return why a queued charge must not be sent, as text, or None."""
        invoice = self.x_fc_invoice_id
        if not invoice._fc_is_due():
            return self.env._("Nothing is due any more.")
        if self.currency_id.compare_amounts(invoice.amount_residual, self.amount) < 0:
            return self.env._("Less is due than when the payment was begun.")
        if invoice._fc_get_payments_under_way() - self:
            return self.env._("Another payment of the invoice is under way.")
        if self.token_id not in invoice._fc_get_payment_tokens():
            return self.env._("The saved payment method cannot be charged any more.")
        return None

    def _fc_withdraw(self, reason):
        """End a charge that was not sent. The plan's schedule looks again later what is due."""
        self.x_fc_charge_state = "withdrawn"
        self._set_canceled(state_message=reason)
        if self.x_fc_is_automatic:
            self.x_fc_invoice_id._fc_postpone_payment()

    def _fc_note_unclear(self, reason, advice=""):
        self.write({"x_fc_charge_state": "unclear", "state_message": reason})
        for invoice in self._fc_get_subscription_invoices():
            invoice._fc_note_unclear_payment(self, advice)

    def _fc_get_subscription_invoices(self):
        """Return the invoice that a charge pays, or those of subscriptions that a customer pays on a payment page."""
        # sudo: customers come here with what they pay.
        tx = self.sudo()
        return tx.x_fc_invoice_id or tx.invoice_ids.filtered("x_fc_subscription_ids")

    def _fc_note_failure(self):
        """Plan what follows from failed payments, and tell the services of their invoices."""
        # sudo: payments fail in requests of providers and customers, too.
        for tx in self.sudo():
            tx.x_fc_invoice_id._fc_after_failed_payment(tx)
            for invoice in tx.invoice_ids:
                invoice._fc_emit("invoice.payment_failed", payment=invoice._fc_describe_payment())

    def _fc_check_may_settle(self):
        """Refuse to settle by hand what is not unclear, or for people who have no say in payments.

        :raise AccessError: for others than accountants and billing managers
        :raise UserError: if the outcome is known
        """
        self.ensure_one()
        self.check_access("read")
        if not self.env["account.move"]._fc_may_charge():
            raise AccessError(self.env._("Payments are for accountants and billing managers."))
        self.sudo()._fc_lock()
        if self.x_fc_charge_state != "unclear":
            raise UserError(self.env._("The outcome of this payment is known, or it was not sent yet."))


def _is_unclear(error):
    """Tell whether a request that ended in this exception may have been carried out."""
    if isinstance(error, requests.HTTPError):
        # 409: the provider is still busy with the same request.
        return error.response.status_code >= 500 or error.response.status_code == 409
    if isinstance(error, requests.ConnectTimeout):
        return False
    reason = error.args and getattr(error.args[0], "reason", None)
    return isinstance(error, requests.RequestException) and not isinstance(reason, NewConnectionError)
