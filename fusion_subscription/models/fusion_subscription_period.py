# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import format_date


class FusionSubscriptionPeriod(models.Model):
    """One billed period [period_start, period_end) of a subscription: proof that it was invoiced once.

    The unique constraints are the guard against invoicing twice: two concurrent runs begin at the
    same boundary, so the second one cannot be stored. An exclusion constraint on the date range would
    need the extension ``btree_gist``; it is not needed, since a period always begins where the one
    before ended and is stored under the row lock of its order.
    """

    _name = "fusion.subscription.period"
    _inherit = ["fusion.subscription.guarded"]
    _description = "Billed Subscription Period"
    _order = "period_start desc, id desc"
    _rec_name = "period_start"

    # === FIELDS === #

    # restrict: billed history must not vanish together with its order
    order_id = fields.Many2one("sale.order", string="Subscription", required=True, readonly=True, ondelete="restrict")
    company_id = fields.Many2one(related="order_id.company_id", store=True, index=True)
    partner_id = fields.Many2one(related="order_id.partner_id", string="Customer")
    period_start = fields.Date(string="From", required=True, readonly=True, help="First day of the period.")
    period_end = fields.Date(
        string="Until",
        required=True,
        readonly=True,
        help="Boundary: the first day after the period. The invoice carries this date.",
    )
    invoice_id = fields.Many2one(
        "account.move",
        string="Invoice",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        help="Empty when there was nothing to invoice, or when the draft invoice was deleted.",
    )

    # === CONSTRAINTS AND INDEXES === #

    _order_period_start_uniq = models.Constraint(
        "UNIQUE(order_id, period_start)",
        "This period of the subscription has already been invoiced.",
    )
    _order_period_end_uniq = models.Constraint(
        "UNIQUE(order_id, period_end)",
        "A period of the subscription that ends on this date has already been invoiced.",
    )
    _period_not_empty = models.Constraint(
        "CHECK(period_end > period_start)",
        "A billed period ends after it starts.",
    )

    @api.constrains("order_id", "period_start", "period_end")
    def _check_no_overlap(self):
        for period in self:
            if self.search_count(
                [
                    ("order_id", "=", period.order_id.id),
                    ("id", "!=", period.id),
                    ("period_start", "<", period.period_end),
                    ("period_end", ">", period.period_start),
                ],
                limit=1,
            ):
                raise ValidationError(self.env._("Billed periods of one subscription cannot overlap."))

    # === COMPUTE === #

    @api.depends("order_id.name", "period_start", "period_end")
    @api.depends_context("lang")
    def _compute_display_name(self):
        for period in self:
            start, end = (format_date(self.env, day) for day in (period.period_start, period.period_end))
            period.display_name = f"{period.order_id.name} {start} - {end}"

    # === HELPERS === #

    @api.model
    def _get_guarded_fields(self):
        return set(self._fields)
