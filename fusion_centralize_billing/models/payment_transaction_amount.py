# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import models
from odoo.tools import formatLang

#: Marks records whose answer is being checked, with an object that no request can send.
_CHECKING, _MARK = "fusion_billing_checking_amount", object()


class _OtherAmountError(Exception):
    """The provider answers with another amount or currency than it was asked for.

    Not a ValidationError, which ``payment.transaction`` and the controllers of providers take for a refusal.
    """

    def __init__(self, message: str, transaction_id: int):
        super().__init__(message)
        self.transaction_id = transaction_id


class PaymentTransaction(models.Model):
    """Answers that speak of another amount or currency than was asked for: nobody knows what was taken.

    Odoo makes these an error (``_validate_amount``, called by ``_process`` before the answer's state is looked
    at), hence a failed attempt, after which the whole amount would be charged again. Here they are ``unclear``:
    no schedule and no button charges the invoice, until the provider sends an answer that fits or a person has
    looked. Of a charge that has failed before, Odoo would even take such an answer for the payment it lacks.

    So are payments of a subscription's invoices on a payment page, lest a schedule charges what the customer has
    paid there.

    Left to Odoo: payments of anything else; those that are done, whose state no answer changes any more; answers
    whose provider offers no amount (``_extract_amount_data`` returns None), such as most refusals.
    """

    _inherit = "payment.transaction"

    # === BUSINESS === #

    def _process(self, provider_code, payment_data):
        try:
            return super()._process(provider_code, payment_data)
        except _OtherAmountError as error:
            tx = self.browse(error.transaction_id)
            tx._fc_note_other_amount(str(error))
            return tx

    def _validate_amount(self, payment_data):
        is_ours = self.state != "done" and self._fc_get_subscription_invoices()
        checked = self.with_context(**{_CHECKING: _MARK}) if is_ours else self
        return super(PaymentTransaction, checked)._validate_amount(payment_data)

    def _set_error(self, state_message, extra_allowed_states=()):
        if self.env.context.get(_CHECKING) is _MARK:
            raise _OtherAmountError(state_message, self.id)
        return super()._set_error(state_message, extra_allowed_states=extra_allowed_states)

    # === HELPERS === #

    def _fc_note_other_amount(self, reason):
        # sudo: answers come by webhooks and by people, who need not write on the invoice.
        tx = self.sudo()
        asked = formatLang(tx.env, tx.amount, currency_obj=tx.currency_id)
        reason = self.env._("%(reason)s It was asked for %(amount)s.", reason=reason, amount=asked)
        if (tx.x_fc_charge_state, tx.state_message) == ("unclear", reason):
            return  # webhooks repeat
        tx._fc_note_unclear(
            reason,
            self.env._(
                "If another amount was taken, register it on the invoice, or give it back at the provider, and note "
                "that this payment was not charged: what is due then can be charged again."
            ),
        )
