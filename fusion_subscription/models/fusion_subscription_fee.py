# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from dataclasses import asdict
from decimal import Decimal

from odoo import api, fields, models
from odoo.tools import format_date

from ..amounts import get_line_amount
from ..fee_ledger import FeePart, Terms


class FusionSubscriptionFee(models.Model):
    """The ledger of recurring fees: what one order line was billed for the days [date_from, date_to).

    A row is open until an invoice bears it, and then billed. Voiding, cancelling or deleting that invoice, or its
    line, gives the row back: it is cancelled, and an open copy of it takes its place. Crediting gives nothing back.
    Days that turn out not to be owed are taken back by a row of their own, a credit.

    The unique constraint is the last guard against billing days twice: two concurrent runs give the same number to
    their rows, so the second one cannot be stored.
    """

    _name = "fusion.subscription.fee"
    _inherit = ["fusion.subscription.guarded"]
    _description = "Subscription Fee"
    _order = "date_from desc, id"
    _rec_name = "date_from"

    # === FIELDS === #

    order_id = fields.Many2one(
        related="order_line_id.order_id", string="Subscription", store=True, index=True, ondelete="restrict"
    )
    # restrict: billed history must not vanish together with its line
    order_line_id = fields.Many2one("sale.order.line", required=True, readonly=True, ondelete="restrict")
    company_id = fields.Many2one(related="order_line_id.company_id", store=True, index=True)
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    date_from = fields.Date(string="From", required=True, readonly=True, help="First day of the fee.")
    date_to = fields.Date(string="Until", required=True, readonly=True, help="The first day after the fee.")
    sequence = fields.Integer(
        required=True, readonly=True, default=0, help="Numbers the rows of a line that begin on the same day."
    )
    state = fields.Selection(
        [("open", "To Invoice"), ("billed", "Invoiced"), ("cancelled", "Given Back")],
        required=True,
        readonly=True,
        default="open",
        help="To Invoice: on the next invoice that is due. Given Back: its invoice was voided, cancelled or deleted; "
        "another row takes its place.",
    )
    is_credit = fields.Boolean(string="Credit", readonly=True, help="Takes back days that turned out not to be owed.")
    # digits=False: exactly what was agreed
    quantity = fields.Float(digits=False, readonly=True)
    price_unit = fields.Float(string="Unit Price", digits=False, readonly=True)
    discount = fields.Float(string="Discount (%)", digits=False, readonly=True)
    amount = fields.Monetary(readonly=True, help="Before tax, as billed.")
    invoice_line_id = fields.Many2one(
        "account.move.line",
        string="Invoice Line",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        help="The line that bills the fee.",
    )
    invoice_id = fields.Many2one(related="invoice_line_id.move_id", string="Invoice")
    invoice_line_ids = fields.One2many(
        "account.move.line",
        "x_fc_fee_id",
        string="Invoice Lines",
        readonly=True,
        help="The line that billed the fee, and those of people who reversed it.",
    )

    # === CONSTRAINTS AND INDEXES === #

    _line_date_from_uniq = models.Constraint(
        "UNIQUE(order_line_id, date_from, sequence)",
        "The fee of these days has already been invoiced.",
    )
    _days_not_empty = models.Constraint(
        "CHECK(date_to > date_from)",
        "A fee ends after it starts.",
    )
    _open_idx = models.Index("(order_id) WHERE state = 'open'")

    # === COMPUTE === #

    @api.depends("order_id.name", "date_from", "date_to")
    @api.depends_context("lang")
    def _compute_display_name(self):
        for fee in self:
            start, end = (format_date(self.env, day) for day in (fee.date_from, fee.date_to))
            fee.display_name = f"{fee.order_id.name} {start} - {end}"

    # === BUSINESS === #

    @api.model
    def _open(self, line, parts):
        """Record parts of a line's fee that an invoice has to bear, and return them."""
        # sudo: the ledger has no other writer
        ledger = self.sudo()
        fees = ledger.browse()
        for part in parts:
            fees |= ledger.create(
                {
                    "order_line_id": line.id,
                    "currency_id": line.order_id.currency_id.id,
                    "date_from": part.start,
                    "date_to": part.end,
                    "sequence": ledger._get_next_sequence(line, part.start),
                    "is_credit": part.is_credit,
                    **asdict(part.terms),
                    "amount": float(part.amount),
                }
            )
        return fees

    def _settle(self, moves):
        """Mark open rows as billed by the lines of ``moves`` that bear them."""
        for fee in self:
            fee.invoice_line_id = fee.invoice_line_ids & moves.invoice_line_ids
        self.filtered("invoice_line_id").state = "billed"

    def _give_back(self):
        """Cancel billed rows whose invoice line does not count any more, and open them again with their terms."""
        for fee in self.filtered(lambda fee: fee.state == "billed"):
            fee.state = "cancelled"
            self._open(fee.order_line_id, [fee._as_part()])

    @api.model
    def _record_older(self, invoice_line, period):
        """Record what a line of the invoice of a period billed before fees in arrears were recorded, and return it."""
        sign = -1 if invoice_line.move_id.move_type == "out_refund" else 1
        order_line = invoice_line.sale_line_ids.filtered("x_fc_is_recurring")[:1]
        terms = Terms(sign * invoice_line.quantity, invoice_line.price_unit, invoice_line.discount)
        amount = terms.get_amount(invoice_line.currency_id.rounding)
        fee = self._open(order_line, [FeePart(period.period_start, period.period_end, terms, amount)])
        fee.write({"state": "billed", "invoice_line_id": invoice_line.id})
        return fee

    # === HELPERS === #

    @api.model
    def _get_guarded_fields(self):
        return set(self._fields)

    @api.model
    def _get_next_sequence(self, line, day):
        last = self.search([("order_line_id", "=", line.id), ("date_from", "=", day)], order="sequence desc", limit=1)
        return last.sequence + 1 if last else 0

    def _get_terms(self):
        self.ensure_one()
        return Terms(self.quantity, self.price_unit, self.discount)

    def _as_part(self):
        self.ensure_one()
        return FeePart(
            self.date_from,
            self.date_to,
            self._get_terms(),
            # a float of Odoo stands for its shortest text
            Decimal(str(self.amount)),
            self.is_credit,
            self._get_invoiced_amount(),
        )

    def _get_invoiced_amount(self):
        """Return what stands on invoices less what was credited, by this addon or by people reversing an invoice.

        Lines of cancelled moves do not count, nor do those of a deleted draft.
        """
        self.ensure_one()
        total = Decimal(0)
        # sudo: invoices count whoever looks
        for line in self.sudo().invoice_line_ids.filtered(lambda line: line.move_id.state != "cancel"):
            amount = get_line_amount(line.quantity, line.price_unit, line.discount, self.currency_id.rounding)
            total += -amount if line.move_id.move_type == "out_refund" else amount
        return total
