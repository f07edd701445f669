# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import models
from odoo.tools import formatLang

#: Marks records whose answer is being checked, with an object that no request can send.
_CHECKING, _MARK = "fusion_billing_checking_amount", object()


class _OtherAmountError(Exception):
    """The provider answers with another amount or currency than it was asked for.

    Not a ValidationError, which ``payment.transaction`` and the controllers of providers take for a refusal.
    """

    def __init__(self, message: str, charge_id: int):
        super().__init__(message)
        self.charge_id = charge_id


class PaymentTransaction(models.Model):
    """Answers that speak of another amount or currency than the charge: nobody knows what was taken.

    Odoo makes these an error (``_validate_amount``, called by ``_process`` before the answer's state is looked
    at), hence a failed attempt, after which the whole amount would be charged again. Here they are ``unclear``:
    no schedule and no button charges the invoice, until the provider sends an answer that fits or a person has
    looked. Of a charge that has failed before, Odoo would even take such an answer for the payment it lacks.

    Left to Odoo: payments of customers on a payment page, which nothing here repeats; charges that are done,
    whose state no answer changes any more; answers whose provider offers no amount (``_extract_amount_data``
    returns None), such as most refusals.
    """

    _inherit = "payment.transaction"

    # === BUSINESS === #

    def _process(self, provider_code, payment_data):
        try:
            return super()._process(provider_code, payment_data)
        except _OtherAmountError as error:
            charge = self.browse(error.charge_id)
            charge._fc_note_other_amount(str(error))
            return charge

    def _validate_amount(self, payment_data):
        is_open_charge = self.x_fc_invoice_id and self.state != "done"
        checked = self.with_context(**{_CHECKING: _MARK}) if is_open_charge else self
        return super(PaymentTransaction, checked)._validate_amount(payment_data)

    def _set_error(self, state_message, extra_allowed_states=()):
        if self.env.context.get(_CHECKING) is _MARK:
            raise _OtherAmountError(state_message, self.id)
        return super()._set_error(state_message, extra_allowed_states=extra_allowed_states)

    # === HELPERS === #

    def _fc_note_other_amount(self, reason):
        # sudo: answers come by webhooks and by people, who need not write on the invoice.
        charge = self.sudo()
        asked = formatLang(charge.env, charge.amount, currency_obj=charge.currency_id)
        reason = self.env._("%(reason)s It was asked for %(amount)s.", reason=reason, amount=asked)
        if (charge.x_fc_charge_state, charge.state_message) == ("unclear", reason):
            return  # webhooks repeat
        charge._fc_note_unclear(
            reason,
            self.env._(
                "If another amount was taken, register it on the invoice, or give it back at the provider, and note "
                "that this payment was not charged: what is due then can be charged again."
            ),
        )
