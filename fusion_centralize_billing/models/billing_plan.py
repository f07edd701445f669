# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import re

from odoo import api, fields, models
from odoo.exceptions import ValidationError


class BillingPlan(models.Model):
    """A plan of the catalogue: a recurrence, a fixed fee, and the charges that carry its code."""

    _name = "fusion.billing.plan"
    _description = "Billing Plan"
    _order = "name, id"
    _check_company_auto = True

    # === FIELDS === #

    name = fields.Char(required=True, translate=True)
    code = fields.Char(required=True, help="The name that source apps and charges use.")
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company)
    service_id = fields.Many2one(
        "fusion.billing.service",
        check_company=True,
        ondelete="restrict",
        help="Only this service sees and sells the plan; empty for every service.",
    )
    plan_id = fields.Many2one("sale.subscription.plan", string="Recurrence", required=True, ondelete="restrict")
    pricelist_id = fields.Many2one(
        "product.pricelist",
        check_company=True,
        ondelete="restrict",
        help="Gives subscriptions of the plan its currency; empty for the company's currency.",
    )
    currency_id = fields.Many2one("res.currency", compute="_compute_currency_id", store=True)
    product_id = fields.Many2one(
        "product.product",
        string="Fixed Fee Product",
        check_company=True,
        ondelete="restrict",
        help="Billed once per period; empty for a plan without a fixed fee.",
    )
    price = fields.Monetary(string="Fixed Fee", help="Per period, in the plan's currency.")
    charge_ids = fields.One2many("fusion.billing.charge", "billing_plan_id", string="Charges")
    automatic_payment = fields.Boolean(
        help="Charge the customer's saved payment method when an invoice of the plan is posted."
    )
    payment_retry_days = fields.Char(
        string="Retry After Days",
        default="1,3,5,7",
        help="How many days after each failed automatic payment the next one is tried; empty for no retries.",
    )
    payment_failure_action = fields.Selection(
        [("none", "Nothing"), ("pause", "Pause the Subscription"), ("close", "Close the Subscription")],
        string="After the Last Failure",
        required=True,
        default="none",
        help="The service's owner gets an activity in any case.",
    )

    # === CONSTRAINTS AND INDEXES === #

    _code_uniq = models.Constraint("UNIQUE(company_id, code)", "Another plan of the company has this code.")
    _price_positive = models.Constraint("CHECK(price >= 0)", "A fixed fee cannot be negative.")

    @api.constrains("price", "product_id")
    def _check_product(self):
        for plan in self:
            if plan.price and not plan.product_id:
                raise ValidationError(self.env._("A fixed fee needs a product."))

    @api.constrains("payment_retry_days")
    def _check_payment_retry_days(self):
        for plan in self:
            if not re.fullmatch(r"([1-9]\d{0,2}(\s*,\s*[1-9]\d{0,2})*)?", (plan.payment_retry_days or "").strip()):
                raise ValidationError(
                    self.env._('The days of payment retries are whole numbers from 1 to 999, such as "1,3,5,7".')
                )

    # === COMPUTE === #

    @api.depends("pricelist_id.currency_id", "company_id.currency_id")
    def _compute_currency_id(self):
        for plan in self:
            plan.currency_id = plan.pricelist_id.currency_id or plan.company_id.currency_id

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        plans = super().create(vals_list)
        self._relink_charges(plans.mapped("code"))
        return plans

    def write(self, vals):
        codes = self.mapped("code")
        result = super().write(vals)
        if {"code", "company_id", "active"} & set(vals):
            self._relink_charges([*codes, *self.mapped("code")])
        return result

    # === HELPERS === #

    def _get_payment_retry_days(self):
        """Return how many days to wait after the first failed payment, the second one, and so on."""
        return [int(days) for days in (self.payment_retry_days or "").split(",") if days.strip()]

    @api.model
    def _relink_charges(self, codes):
        """Charges name their plan by code; let those that name one of ``codes`` find it anew."""
        charges = (
            self.env["fusion.billing.charge"]
            .sudo()
            .with_context(active_test=False)
            .search([("plan_code", "in", codes)])
        )
        charges.modified(["plan_code"])
