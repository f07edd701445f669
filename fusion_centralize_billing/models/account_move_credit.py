# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from decimal import Decimal

from odoo import Command, api, fields, models

from ..api.errors import BusinessRuleError, InvalidPayloadError, NotFoundError
from ..rating import to_decimal


class AccountMove(models.Model):
    """Credit notes of invoices, in whole or by lines. They take money back, never usage."""

    _inherit = "account.move"

    # === FIELDS === #

    x_fc_credit_reason = fields.Char(string="Credited Because", readonly=True, copy=False)

    # === BUSINESS === #

    def _reverse_moves(self, default_values_list=None, cancel=False):
        """Let a reversal belong to the service and the subscription of its invoice, also one of the back office."""
        values_list = default_values_list or [{} for _move in self]
        for move, values in zip(self, values_list, strict=True):
            values.update(move._fc_prepare_reversal())
        return super()._reverse_moves(values_list, cancel=cancel)

    def _fc_credit(self, reason, amounts=None):
        """Credit a posted invoice and return the posted credit note, reconciled with what is due of the invoice.

        :param amounts: pairs (id of an invoice line, untaxed amount as Decimal); None for all that is left
        :raises NotFoundError: ``invoice_line_not_found``
        :raises BusinessRuleError: ``invoice_not_posted``, ``invoice_void``, ``credit_exceeds_invoice``,
            ``credit_lines_needed``
        """
        self.ensure_one()
        self._fc_lock_move()
        self._fc_check_posted_invoice()
        if self.x_fc_void_reason:
            raise BusinessRuleError(self.env._("The invoice is void."), code="invoice_void", path="invoice_id")
        credited = self._fc_get_remaining() if amounts is None else self._fc_get_asked(amounts)
        today = fields.Date.context_today(self)
        ref = self.env._("Credit of: %(invoice)s, %(reason)s", invoice=self.name, reason=reason)
        values = {"date": today, "invoice_date": today, "ref": ref, "x_fc_credit_reason": reason}
        note = self._reverse_moves([values])
        note._fc_keep_credited(self, credited)
        note.action_post()
        return note

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        return super()._fc_get_guarded_fields() | {"x_fc_credit_reason"}

    @api.model
    def _fc_get_entitled_values(self, vals):
        """Let people reverse an invoice: the reversal takes over what the invoice has."""
        reversed_move = self.browse(vals.get("reversed_entry_id") or ())
        return {**super()._fc_get_entitled_values(vals), **reversed_move._fc_prepare_reversal()}

    def _fc_prepare_reversal(self):
        """Return the values by which a reversal belongs to what its invoice belongs to, if it is a subscription's."""
        if not self.x_fc_subscription_ids:
            return {}
        return {
            "x_fc_subscription_ids": [Command.set(self.x_fc_subscription_ids.ids)],
            "x_fc_service_id": self.x_fc_service_id.id,
            "x_fc_period_start": self.x_fc_period_start,
            "x_fc_period_end": self.x_fc_period_end,
        }

    def _fc_get_credit_notes(self):
        """Return the credit notes of an invoice; drafts too, since posting them credits the same money."""
        # sudo: what was credited counts, whoever looks.
        reversals = self.env["account.move"].sudo().search([("reversed_entry_id", "=", self.id)])
        return reversals.filtered(lambda move: move.state != "cancel")

    def _fc_get_product_lines(self):
        return self.invoice_line_ids.filtered(lambda line: line.display_type == "product").sorted("id")

    def _fc_get_creditable(self):
        """Return ``(what may be credited of the whole invoice, {line: what may be credited of it})``."""
        notes = self._fc_get_credit_notes()
        whole = to_decimal(self.amount_untaxed) - sum(map(to_decimal, notes.mapped("amount_untaxed")), Decimal(0))
        left = {line: to_decimal(line.price_subtotal) for line in self._fc_get_product_lines()}
        for line in notes.invoice_line_ids:
            if line.x_fc_credited_line_id in left:
                left[line.x_fc_credited_line_id] -= to_decimal(line.price_subtotal)
        return whole, left

    def _fc_get_remaining(self):
        """Return ``{line: amount}`` of all that is not credited yet."""
        whole, left = self._fc_get_creditable()
        if whole <= 0:
            raise self._fc_credit_exceeds("invoice_id")
        if sum(left.values()) != whole:
            raise BusinessRuleError(
                self.env._("The back office has credited parts of the invoice: name the lines to credit."),
                code="credit_lines_needed",
                path="lines",
            )
        return {line: amount for line, amount in left.items() if amount}

    def _fc_get_asked(self, amounts):
        """Return ``{line: amount}`` of what a request names, if there is that much left."""
        whole, left = self._fc_get_creditable()
        lines = {line.id: line for line in left}
        asked = {}
        for index, (line_id, amount) in enumerate(amounts):
            line, path = lines.get(line_id), f"lines.{index}"
            if line is None:
                message = self.env._("The invoice has no such line.")
                raise NotFoundError(message, code="invoice_line_not_found", path=f"{path}.invoice_line_id")
            if line in asked:
                message = self.env._("The line is named twice.")
                raise InvalidPayloadError(message, code="repeated_line", path=f"{path}.invoice_line_id")
            if amount % to_decimal(self.currency_id.rounding):
                message = self.env._("%s has no such fraction.", self.currency_id.name)
                raise InvalidPayloadError(message, code="invalid_amount", path=f"{path}.amount")
            whole -= amount
            if amount > left[line] or whole < 0:
                raise self._fc_credit_exceeds(f"{path}.amount")
            asked[line] = amount
        return asked

    def _fc_credit_exceeds(self, path):
        message = self.env._("That is more than what is left to credit.")
        return BusinessRuleError(message, code="credit_exceeds_invoice", path=path)

    def _fc_keep_credited(self, invoice, credited):
        """Reduce a draft reversal of the whole invoice to ``{invoice line: amount}``."""
        # copy() makes the lines in the order of the ids of those that it copies.
        pairs = zip(invoice._fc_get_product_lines(), self._fc_get_product_lines(), strict=True)
        commands = [
            Command.update(copy.id, copy._fc_prepare_credit(line, credited[line]))
            if line in credited
            else Command.delete(copy.id)
            for line, copy in pairs
        ]
        others = self.invoice_line_ids - self._fc_get_product_lines()
        others -= others._fc_get_sections_of(line.x_fc_subscription_id for line in credited)
        self.write({"invoice_line_ids": commands + [Command.delete(line.id) for line in others]})
        for line in self._fc_get_product_lines():
            amount = credited[line.x_fc_credited_line_id]
            if to_decimal(line.price_subtotal) != amount:
                raise BusinessRuleError(
                    self.env._("The prices include tax: %s cannot be credited to the cent.", amount),
                    code="credit_not_exact",
                    path="lines",
                )


class AccountMoveLine(models.Model):
    _name = "account.move.line"
    _inherit = ["account.move.line", "fusion.billing.guarded"]

    x_fc_credited_line_id = fields.Many2one(
        "account.move.line", string="Credited Line", readonly=True, copy=False, index="btree_not_null"
    )

    @api.model
    def _fc_get_guarded_fields(self):
        # How much of an invoice line is left to credit.
        return super()._fc_get_guarded_fields() | {"x_fc_credited_line_id"}

    def _fc_get_sections_of(self, orders):
        """Return the lines that say of a document of several subscriptions where those of ``orders`` begin."""
        orders = self.env["sale.order"].union(*orders)
        return self.filtered(
            lambda line: (
                line.display_type == "line_section"
                and line.x_fc_subscription_id in orders
                and len(line.move_id.x_fc_subscription_ids) > 1
            )
        )

    def _fc_prepare_credit(self, line, amount):
        """Return the values with which a copy of an invoice line credits an untaxed amount of it."""
        # Without the order's line: Odoo would take the credit for something that is to be invoiced once more.
        values = {"x_fc_credited_line_id": line.id, "sale_line_ids": [Command.clear()]}
        subtotal = to_decimal(line.price_subtotal)
        if amount == subtotal:
            return values
        price = amount
        if any(tax.price_include for tax in line.tax_ids):
            # Of the price as it stands, with its tax, the same part as of the untaxed amount.
            discount = (100 - to_decimal(line.discount)) / 100
            price = to_decimal(line.price_unit) * to_decimal(line.quantity) * discount * amount / subtotal
        return {**values, "quantity": 1, "discount": 0, "price_unit": float(price)}
