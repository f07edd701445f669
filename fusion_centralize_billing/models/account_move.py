# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models
from odoo.exceptions import UserError

from ..api.errors import BusinessRuleError


class AccountMove(models.Model):
    """Invoices of subscriptions: whose they are, and what their service hears of them."""

    _name = "account.move"
    _inherit = ["account.move", "fusion.billing.guarded"]

    # === FIELDS === #

    x_fc_service_id = fields.Many2one(
        "fusion.billing.service",
        string="Billing Service",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
    )
    x_fc_period_start = fields.Date(
        string="Billed From", readonly=True, copy=False, help="First day of the billed period."
    )
    x_fc_period_end = fields.Date(
        string="Billed Until", readonly=True, copy=False, help="First day after the billed period."
    )
    x_fc_rating_ids = fields.One2many("fusion.billing.rating", "invoice_id", string="Ratings")

    # === CRUD === #

    def copy_data(self, default=None):
        """Refuse to duplicate a document of a subscription: the copy would bill its usage once more, by hand.

        Odoo reverses documents by copying them, too; a reversal stays with its subscription.

        :raises BusinessRuleError: ``copy_refused``
        """
        values = default or {}
        # sudo: it counts whose document it is, whoever copies it.
        for move in self.sudo().filtered("x_fc_subscription_ids") if "line_ids" not in values else ():
            if values.get("reversed_entry_id") != move.id or values.get("move_type", move.move_type) == move.move_type:
                raise BusinessRuleError(
                    self.env._(
                        "%s belongs to a subscription: a copy would bill the same again, without a part in the rating "
                        "ledger. Make a new invoice for what is to be billed beside the subscription.",
                        move.display_name,
                    ),
                    code="copy_refused",
                    path="id",
                )
        return super().copy_data(default)

    # === ACTIONS === #

    def button_cancel(self):
        result = super().button_cancel()
        # sudo: whoever may cancel the invoice gives its usage back; the ledger has no other writer.
        self.sudo().x_fc_rating_ids._cancel()
        return result

    def button_draft(self):
        # sudo: the ledger decides, whoever asks.
        if self.sudo().x_fc_rating_ids.filtered(lambda rating: rating.state == "cancelled"):
            raise UserError(
                self.env._("The usage of this cancelled invoice is billed anew: posting it again would bill it twice.")
            )
        return super().button_draft()

    def action_view_x_fc_ratings(self):
        self.ensure_one()
        action = self.env["ir.actions.actions"]._for_xml_id("fusion_centralize_billing.action_billing_rating")
        return {**action, "domain": [("invoice_id", "=", self.id)], "context": {}}

    # === BUSINESS === #

    def _post(self, soft=True):
        posted = super()._post(soft)
        posted._fc_emit("invoice.finalized")
        return posted

    def _invoice_paid_hook(self):
        result = super()._invoice_paid_hook()
        # Called with credit notes too, and often with nothing.
        self.filtered(lambda move: move.move_type == "out_invoice")._fc_emit("invoice.paid")
        return result

    # === HELPERS === #

    def _check_fiscal_lock_dates(self):
        """Give the refusal a code: whoever opens the month again ends what needs attention."""
        try:
            return super()._check_fiscal_lock_dates()
        except UserError as error:
            if not any(move.x_fc_subscription_ids for move in self):
                raise
            raise BusinessRuleError(str(error), code="period_locked") from error

    @api.model
    def _fc_get_guarded_fields(self):
        # Whose invoice it is, and of what: its service reads it.
        return super()._fc_get_guarded_fields() | {"x_fc_service_id", "x_fc_period_start", "x_fc_period_end"}

    def _fc_emit(self, event_type, **details):
        """Queue a webhook about each invoice or credit note of a service.

        :param details: what is told beside the invoice; plain JSON values
        """
        # sudo: people who post invoices need not read services; the service hears of its own invoices only.
        for move in self.sudo().filtered(
            lambda move: move.x_fc_service_id and move.move_type in ("out_invoice", "out_refund")
        ):
            payload = {"invoice": move._fc_prepare_webhook_values(), **details}
            self.env["fusion.billing.webhook"].sudo()._emit(move.x_fc_service_id, event_type, payload)

    def _fc_prepare_webhook_values(self):
        """Return what a webhook tells about the invoice; amounts are decimal text in its currency."""
        return {
            "invoice_id": self.id,
            "number": self.name,
            "type": "credit_note" if self.move_type == "out_refund" else "invoice",
            "state": self.state,
            "payment_state": self.payment_state,
            "invoice_date": fields.Date.to_string(self.invoice_date) or None,
            "due_date": fields.Date.to_string(self.invoice_date_due) or None,
            "period_start": fields.Date.to_string(self.x_fc_period_start) or None,
            "period_end": fields.Date.to_string(self.x_fc_period_end) or None,
            "currency": self.currency_id.name,
            **{
                name: self._fc_amount_text(name)
                for name in ("amount_untaxed", "amount_tax", "amount_total", "amount_residual")
            },
            **self._fc_describe_subscriptions(),
            "external_customer_id": self.x_fc_subscription_ids[:1]._fc_get_external_customer_id(),
        }

    def _fc_amount_text(self, name):
        return f"{self[name]:.{self.currency_id.decimal_places}f}"
