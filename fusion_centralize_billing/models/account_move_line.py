# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models
from odoo.tools import formatLang

from ..api.errors import BusinessRuleError
from ..rating import round_half_up, to_decimal

#: What the amount of a line comes from. Odoo computes the price anew from product and unit (``_compute_price_unit``),
#: the quantity from the kind of line (``_compute_quantity``), and the subtotal from taxes set by hand, too.
_AMOUNT_FIELDS = {
    "price_unit",
    "quantity",
    "discount",
    "product_id",
    "product_uom_id",
    "display_type",
    "price_subtotal",
    "extra_tax_data",
}
#: The sign of an invoice's amounts in the ledger, which takes money back with amounts below zero.
_SIGNS = {"out_invoice": 1, "out_refund": -1}


class AccountMoveLine(models.Model):
    """Invoice lines that bill rows of the ledger: they show, and book, what those rows say.

    Text, account, analytic distribution and taxes are free. Taxes come on top of the rated amount, or are
    within it, as they say themselves.
    """

    _inherit = "account.move.line"

    # === FIELDS === #

    x_fc_rating_ids = fields.One2many("fusion.billing.rating", "invoice_line_id", string="Ratings")

    # === ACTIONS === #

    def action_view_x_fc_ratings(self):
        """Show how the amount of this line came about."""
        self.ensure_one()
        action = self.env["ir.actions.actions"]._for_xml_id("fusion_centralize_billing.action_billing_rating")
        return {**action, "domain": [("invoice_line_id", "=", self.id)], "context": {}}

    # === CRUD === #

    def write(self, vals):
        """Refuse what would let a line and the ledger differ, whoever asks. Judged by what comes of it.

        What is booked is looked at by ``write`` of account.move, as Odoo's synchronization of journal items writes
        it here in several steps.

        :raises BusinessRuleError: ``rated_line``
        """
        if "move_id" in vals and any(line.move_id.id != vals["move_id"] for line in self._fc_get_rated()):
            raise self._fc_rated_line_error(self.env._("A rated line stays on its invoice."))
        result = super().write(vals)
        if _AMOUNT_FIELDS & set(vals):
            self._fc_check_rated_amount()
        if "currency_id" in vals:
            self._fc_check_rated_currency()
        return result

    @api.ondelete(at_uninstall=False)
    def _release_ratings_on_unlink(self):
        # sudo: whoever may delete the line gives its usage back; the ledger has no other writer.
        self.sudo().x_fc_rating_ids._cancel()

    # === HELPERS === #

    def _fc_get_rated(self):
        """Return the lines that bill rows of the ledger, as superuser."""
        # sudo: whoever changes invoices need not read the ledger.
        return self.sudo().filtered(lambda line: line._fc_get_billed_rows())

    def _fc_get_billed_rows(self):
        return self.x_fc_rating_ids.filtered(lambda row: row.state == "billed")

    def _fc_check_rated_amount(self):
        """Check that price, quantity and discount, and the subtotal, come to what the ledger says.

        With taxes within the price, the subtotal is the less by them.
        """
        for line in self._fc_get_rated():
            rows = line._fc_get_billed_rows()
            rated = sum((to_decimal(row.amount) for row in rows), to_decimal(0))
            taxes_within = line.tax_ids.flatten_taxes_hierarchy().filtered("price_include")
            if line._fc_get_price() != rated or not (taxes_within or line._fc_get_subtotal() == rated):
                amount = formatLang(self.env, float(rated), currency_obj=rows.currency_id)
                raise line._fc_rated_line_error(
                    self.env._("“%(line)s” was rated at %(amount)s.", line=line._fc_get_title(), amount=amount)
                )

    def _fc_check_rated_currency(self):
        for line in self._fc_get_rated():
            currency = line._fc_get_billed_rows().currency_id
            if line.currency_id != currency or line.move_id.currency_id != currency:
                raise line._fc_rated_line_error(
                    self.env._(
                        "“%(line)s” was rated in %(currency)s.", line=line._fc_get_title(), currency=currency.name
                    )
                )

    def _fc_check_rated_booking(self):
        """Check that what is booked of a line is its subtotal.

        They may differ by a smallest amount of the currency for each line of the invoice:
        ``_round_tax_details_base_lines`` of account.tax rounds the invoice as a whole, and books what its lines lack
        with one or some of them.
        """
        for line in self._fc_get_rated():
            booked = -to_decimal(line.amount_currency)
            lines = len(line.move_id.invoice_line_ids.filtered(lambda each: each.display_type == "product"))
            if abs(booked - line._fc_get_subtotal()) > lines * to_decimal(line.currency_id.rounding):
                raise line._fc_rated_line_error(
                    self.env._("“%s” has to be booked with its rated amount.", line._fc_get_title())
                )

    def _fc_get_subtotal(self):
        """Return the untaxed amount as the ledger counts it, as Decimal."""
        return _SIGNS.get(self.move_type, 0) * to_decimal(self.price_subtotal)

    def _fc_get_price(self):
        """Return price x quantity less the discount as the ledger counts it, rounded to the currency, as Decimal."""
        sign = _SIGNS.get(self.move_type, 0) if self.display_type == "product" else 0
        part = (100 - to_decimal(self.discount)) / 100
        price = sign * to_decimal(self.price_unit) * to_decimal(self.quantity) * part
        return round_half_up(price, to_decimal(self.currency_id.rounding))

    def _fc_get_title(self):
        return (self.name or "").split("\n", 1)[0]

    def _fc_rated_line_error(self, reason):
        advice = self.env._(
            "The amount of a rated line cannot be changed on the invoice. For a discount or a surcharge add a line of "
            "its own; if the usage is wrong, correct the usage; if it shall be billed anew, delete the line of the "
            "draft, or void the invoice."
        )
        return BusinessRuleError(f"{reason} {advice}", code="rated_line", path="invoice_line_ids")
