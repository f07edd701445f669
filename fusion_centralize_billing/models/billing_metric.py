# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..rating import round_units

#: No two metrics that somebody could mean by one code, also of two transactions that do not see each other. A metric
#: without a company has the range of all companies; the code is compared by 64 bits of its hash, as a range, too:
#: PostgreSQL has no such index of texts without an extension.
_CODE_UNIQUE = (
    "EXCLUDE USING gist ("
    "numrange(hashtextextended(code, 0), hashtextextended(code, 0), '[]') WITH &&, "
    "int4range(company_id, company_id, '[]') WITH &&)"
)


class BillingMetric(models.Model):
    """What is counted, and how the counters of a billing period become one quantity.

    A metric is a company's, or all companies share it; the record rules let administrators only change those.
    """

    _name = "fusion.billing.metric"
    _inherit = ["fusion.billing.guarded"]
    _description = "Billing Metric"
    _order = "name, id"
    _fc_is_confined = True

    # === FIELDS === #

    name = fields.Char(required=True, translate=True)
    code = fields.Char(required=True, help="The name that source apps use.")
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company",
        default=lambda self: self.env.company,
        index=True,
        ondelete="restrict",
        help="Only this company sees and uses the metric. Empty for all companies: administrators only change it then.",
    )
    aggregation = fields.Selection(
        [
            ("sum", "Sum"),
            ("count", "Count of Rows"),
            ("max", "Maximum"),
            ("last", "Last"),
            ("unique_count", "Count of Distinct Values"),
            ("average", "Average"),
            ("weighted_sum", "Sum Weighted by Time"),
        ],
        required=True,
        default="sum",
        help="Weighted by time: a counter of 100 that holds for 10 days of a period of 30 days adds 33.33.",
    )
    unit_rounding = fields.Selection(
        [("none", "None"), ("up", "Up"), ("down", "Down"), ("half_up", "Half Up")],
        string="Rounding of Units",
        required=True,
        default="none",
        help="Rounds the quantity of a billing period before it is priced.",
    )
    unit_digits = fields.Integer(
        string="Decimals of Units", help="Decimals that rounding leaves; negative for tens, hundreds and so on."
    )
    # Archived ones, too: they price what has begun, and the rules of customers ask for them.
    charge_ids = fields.One2many(
        "fusion.billing.charge", "metric_id", string="Charges", readonly=True, context={"active_test": False}
    )

    # === CONSTRAINTS AND INDEXES === #

    _code_uniq = models.Constraint(
        _CODE_UNIQUE, "Another metric of the company, or one that all companies share, has this code."
    )
    _unit_digits_range = models.Constraint(
        "CHECK(unit_digits BETWEEN -12 AND 18)", "Units are rounded to between -12 and 18 decimals."
    )

    @api.constrains("company_id")
    def _check_company_of_users(self):
        for metric in self.filtered("company_id"):
            if metric._is_used_outside(metric.company_id):
                raise ValidationError(
                    self.env._("%s is used by other companies, which would not find it any more.", metric.name)
                )

    # === CRUD === #

    def write(self, vals):
        decisive = ("aggregation", "unit_rounding", "unit_digits")
        changed = self.filtered(lambda metric: any(metric[name] != vals.get(name, metric[name]) for name in decisive))
        # sudo: usage of every company counts.
        used = self.env["fusion.billing.usage"].sudo().search([("metric_id", "in", changed.ids)], limit=1).metric_id
        if used:
            raise ValidationError(
                self.env._(
                    "%s has usage: another aggregation or rounding would change what was billed. Make a new metric.",
                    used.name,
                )
            )
        return super().write(vals)

    # === BUSINESS === #

    @api.model
    def _get_of_company(self, company, domain):
        """Return the metrics that a company has for itself, or shares with all, among those of a domain."""
        return self.search([*domain, ("company_id", "in", [company.id, False])])

    @api.model
    def _get_by_code(self, code, company):
        """Return the metric that a company means by a code, or an empty recordset."""
        return self._get_of_company(company, [("code", "=", code)])

    def _round_units(self, quantity):
        """Return a period's quantity, a Decimal, as this metric rounds it."""
        self.ensure_one()
        return round_units(quantity, self.unit_rounding, self.unit_digits)

    # === HELPERS === #

    def _is_used_outside(self, company):
        """Tell whether charges, or counters of subscriptions, of another company have this metric."""
        # sudo: they count, whoever asks.
        env = self.sudo().with_context(active_test=False).env
        others = [("metric_id", "=", self.id), ("company_id", "!=", company.id)]
        counters = [("metric_id", "=", self.id), ("subscription_id.company_id", "!=", company.id)]
        return bool(
            env["fusion.billing.charge"].search_count(others, limit=1)
            or env["fusion.billing.usage"].search_count(counters, limit=1)
        )
