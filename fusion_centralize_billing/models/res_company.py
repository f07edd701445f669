# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import fields, models
from odoo.addons.base.models.res_partner import _tz_get

from .invoice_grouping import GROUPING_HELP, GROUPINGS


class ResCompany(models.Model):
    _inherit = "res.company"

    # === FIELDS === #

    x_fc_usage_lock_date = fields.Date(
        string="Usage Lock Date",
        help="Usage of the days before this one is locked: it is neither recorded nor corrected any more.",
    )
    x_fc_webhook_secret_overlap_hours = fields.Integer(
        string="Former Webhook Secret (Hours)",
        default=24,
        help="How many hours the former webhook secret of a service signs beside the one that has replaced it.",
    )
    x_fc_billing_tz = fields.Selection(
        _tz_get,
        string="Billing Time Zone",
        help="Billing periods of new subscriptions begin and end at midnight of this time zone, unless their service or"
        " plan has one of its own. Empty: the time zone of the company's contact, else UTC.",
    )
    x_fc_usage_periods_ahead = fields.Integer(
        string="Usage Ahead (Periods)",
        default=1,
        help="How many billing periods after the one that runs usage may lie in. What lies further ahead is recorded"
        " with a warning, or refused where the service is strict: it is most often a wrong date.",
    )
    x_fc_start_days_back = fields.Integer(
        string="Starts in the Past (Days)",
        default=366,
        help="How many days before today a subscription that a service opens may have started. All periods since then"
        " are invoiced at once.",
    )
    x_fc_invoice_grouping = fields.Selection(
        GROUPINGS,
        string="Invoices of Subscriptions",
        required=True,
        default="customer",
        help=GROUPING_HELP,
    )
    x_fc_ask_before_linking = fields.Boolean(
        string="Ask Before Linking Customers",
        help="A service's new customer whose e-mail a contact has already gets a contact of its own, until a person "
        "says, under Billing / Customers to Confirm, whether both are the same.",
    )

    # === CONSTRAINTS AND INDEXES === #

    _x_fc_webhook_secret_overlap_hours_in_range = models.Constraint(
        "CHECK(x_fc_webhook_secret_overlap_hours BETWEEN 0 AND 720)",
        "A former webhook secret signs for 0 to 720 hours.",
    )
    _x_fc_usage_periods_ahead_in_range = models.Constraint(
        "CHECK(x_fc_usage_periods_ahead BETWEEN 0 AND 120)", "Usage may lie from 0 to 120 billing periods ahead."
    )
    _x_fc_start_days_back_in_range = models.Constraint(
        "CHECK(x_fc_start_days_back BETWEEN 0 AND 36500)", "Subscriptions may start from 0 to 36500 days ago."
    )

    # === BUSINESS === #

    def _fc_get_billing_tz(self):
        """Return the name of the time zone for subscriptions whose service and plan have none of their own."""
        return self.x_fc_billing_tz or self.partner_id.tz or "UTC"
