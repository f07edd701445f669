# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import re

from odoo import api, fields, models
from odoo.addons.base.models.res_partner import _tz_get
from odoo.exceptions import UserError, ValidationError

from ..api.errors import BusinessRuleError
from .changes import get_changes

#: Terms of a plan that its subscriptions keep as they were when they were opened, as far as the edition leaves them.
_TERMS = ("fee_timing", "proration", "trial_days", "grace_days", "change_timing")
#: What a plan says of payments, where the edition leaves them to it.
_PAYMENT_TERMS = ("automatic_payment",)


class BillingPlan(models.Model):
    """A plan of the catalogue: a recurrence, a fixed fee, and the charges that carry its code."""

    _name = "fusion.billing.plan"
    _inherit = ["fusion.billing.guarded"]
    _description = "Billing Plan"
    _order = "name, id"
    _check_company_auto = True
    _fc_is_confined = True

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
    is_public = fields.Boolean(
        string="Public Prices",
        help="Frontends show the plan and its prices to all customers of its services, not only to those who have it.",
    )
    plan_id = fields.Many2one("sale.subscription.plan", string="Recurrence", required=True, ondelete="restrict")
    billing_tz = fields.Selection(
        _tz_get,
        string="Billing Time Zone",
        help="Billing periods of new subscriptions begin and end at midnight of this time zone; empty for that of their"
        " service or company.",
    )
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
    fee_timing = fields.Selection(
        [("arrears", "In Arrears"), ("advance", "In Advance")],
        string="Fixed Fee Billed",
        required=True,
        default="arrears",
        help="In arrears: at the end of its period. In advance: at its beginning.",
    )
    proration = fields.Selection(
        [("none", "None"), ("day", "By Day")],
        required=True,
        default="none",
        help="By day: a first or last period that is not whole has its share of the fixed fee, of quotas and of the"
        " minimum commitment.",
    )
    trial_days = fields.Integer(help="Days from the start without a fixed fee. Usage is billed.")
    grace_days = fields.Integer(help="Days between the end of a period and its invoice, for usage that comes late.")
    change_timing = fields.Selection(
        [("next_period", "From the Next Period"), ("by_day", "At Once, by Day")],
        string="Changes Apply",
        required=True,
        default="next_period",
        help="From when another quantity, price or minimum of a running subscription is billed: from the next period,"
        " or at once, with both parts of the period in proportion to their days.",
    )
    minimum_commitment = fields.Monetary(
        help="What a billing period costs at least, fixed fee and usage together. A line adds what is missing."
    )
    commitment_product_id = fields.Many2one(
        "product.product",
        string="Commitment Product",
        check_company=True,
        ondelete="restrict",
        help="The product of the line that adds what is missing to the minimum commitment.",
    )
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

    handled_by_edition = fields.Char(
        compute="_compute_handled_by_edition", help="Terms that the installed edition of subscriptions decides itself."
    )

    # === CONSTRAINTS AND INDEXES === #

    _code_uniq = models.Constraint("UNIQUE(company_id, code)", "Another plan of the company has this code.")
    _price_positive = models.Constraint("CHECK(price >= 0)", "A fixed fee cannot be negative.")

    _commitment_positive = models.Constraint(
        "CHECK(minimum_commitment >= 0)", "A minimum commitment cannot be negative."
    )
    _trial_positive = models.Constraint("CHECK(trial_days >= 0)", "A trial cannot be shorter than no day.")
    _grace_range = models.Constraint("CHECK(grace_days BETWEEN 0 AND 27)", "Between 0 and 27 days of grace.")

    @api.constrains("price", "product_id")
    def _check_product(self):
        for plan in self:
            if plan.price and not plan.product_id:
                raise ValidationError(self.env._("A fixed fee needs a product."))

    @api.constrains(*_TERMS, *_PAYMENT_TERMS)
    def _check_edition(self):
        """Refuse what the installed edition of subscriptions does by itself.

        :raises BusinessRuleError: ``handled_by_edition``
        """
        handled = self._get_handled_by_edition()
        for plan in self if handled else ():
            defaults = plan.default_get(handled)
            changed = [name for name in handled if plan[name] != (defaults.get(name) or plan._fields[name].falsy_value)]
            if changed:
                raise BusinessRuleError(
                    self.env._(
                        "Odoo's subscriptions see to these by rules of their own. Leave them as they are: %s.",
                        ", ".join(plan._fields[name]._description_string(self.env) for name in changed),
                    ),
                    code="handled_by_edition",
                    path=changed[0],
                )

    @api.constrains("payment_retry_days")
    def _check_payment_retry_days(self):
        for plan in self:
            if not re.fullmatch(r"([1-9]\d{0,2}(\s*,\s*[1-9]\d{0,2})*)?", (plan.payment_retry_days or "").strip()):
                raise ValidationError(
                    self.env._('The days of payment retries are whole numbers from 1 to 999, such as "1,3,5,7".')
                )

    # === COMPUTE === #

    def _compute_handled_by_edition(self):
        names = ",".join(self._get_handled_by_edition())
        for plan in self:
            plan.handled_by_edition = names

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
        self._check_code_kept(vals)
        codes = self.mapped("code")
        result = super().write(vals)
        if {"code", "company_id", "active"} & set(vals):
            self._relink_charges([*codes, *self.mapped("code")])
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_sold(self):
        for plan in self:
            if plan._is_sold():
                raise UserError(self.env._("%s has subscriptions: archive it instead.", plan.name))

    def copy_data(self, default=None):
        """Give a copy a code of its own: charges and source apps name a plan by it."""
        chosen = default or {}
        values = super().copy_data(default)
        for plan, vals in zip(self, values, strict=True):
            own = {"name": self.env._("%s (copy)", plan.name), "code": plan._get_free_code()}
            vals.update({name: value for name, value in own.items() if name not in chosen})
        return values

    def copy(self, default=None):
        """Copy the charges along: without them the copy would accept usage and bill nothing."""
        copies = super().copy(default)
        for plan, copied in zip(self, copies, strict=True):
            # sudo: whoever copies a plan copies all of it.
            plan.sudo().charge_ids.filtered("active")._copy_to_plan(copied.sudo())
        return copies

    # === BUSINESS === #

    @api.model
    def _get_by_code(self, code, company):
        """Return the plan of a company, also one that is not sold any more, or an empty recordset."""
        if not code:
            return self.browse()
        domain = [("code", "=", code), ("company_id", "=", company.id)]
        return self.with_context(active_test=False).search(domain, limit=1).with_env(self.env)

    def _prepare_order_terms(self):
        """Return what a new subscription of the plan takes over; a later change of the plan does not touch it."""
        self.ensure_one()
        terms = {term: self[name] for name, term in self.env["sale.order"]._edition_get_order_terms().items()}
        return {**terms, "x_fc_minimum_commitment": self.minimum_commitment}

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        return {"currency_id"}

    @api.model
    def _get_handled_by_edition(self):
        """Return the names of the terms that the installed edition of subscriptions does not leave to plans."""
        orders = self.env["sale.order"]
        terms = [name for name in _TERMS if name not in orders._edition_get_order_terms()]
        return terms + (list(_PAYMENT_TERMS) if orders._edition_collects_payments() else [])

    def _is_charged_automatically(self):
        """Tell whether the invoices of the plan are charged to saved payment methods by billing."""
        return self.automatic_payment and not self.env["sale.order"]._edition_collects_payments()

    def _check_code_kept(self, vals):
        """Subscriptions name their plan by its code, in its company."""
        for plan in self:
            if get_changes(plan, vals, ["code", "company_id"]) and plan._is_sold():
                raise UserError(
                    self.env._("%s has subscriptions, so it keeps its code and company. Copy it instead.", plan.name)
                )

    def _get_running_subscriptions(self):
        """Return the confirmed subscriptions of the plan."""
        self.ensure_one()
        return self._find_subscriptions(self.code, self.company_id)

    @api.model
    def _find_subscriptions(self, code, company):
        """Return the confirmed subscriptions, also ended ones, that name a plan code, whether a plan has it or not."""
        domain = [("x_fc_plan_code", "=", code), ("company_id", "=", company.id), ("state", "=", "sale")]
        # sudo: they are billed, whoever asks.
        return self.env["sale.order"].sudo().search([*domain, ("is_subscription", "=", True)])

    def _is_sold(self):
        domain = [("x_fc_plan_code", "=", self.code), ("company_id", "=", self.company_id.id)]
        # sudo: subscriptions count whoever asks.
        return bool(self.env["sale.order"].sudo().search_count(domain, limit=1))

    def _get_free_code(self):
        """Return a code for a copy that neither a plan nor a charge has."""
        # sudo: codes of every service count.
        catalog = self.sudo().with_context(active_test=False)
        company = ("company_id", "=", self.company_id.id)
        number = 1
        while True:
            code = f"{self.code}-copy" if number == 1 else f"{self.code}-copy-{number}"
            taken = catalog.search_count([("code", "=", code), company], limit=1)
            if not taken and not catalog.charge_ids.search_count([("plan_code", "=", code), company], limit=1):
                return code
            number += 1

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
