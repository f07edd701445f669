# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models

STATUSES = [
    ("invoiced", "Invoiced"),
    ("open", "Open"),
    ("included", "Included"),
    ("void", "Void"),
    ("unpriced", "Unpriced"),
    ("unexplained", "Unexplained"),
]
REASONS = [
    ("pending_rating", "Waits for its rating"),
    ("no_charge", "No charge of the plan prices it in this period"),
    ("not_due", "Its period has not begun"),
    ("before_start", "Before the start of the subscription"),
    ("billed_before", "Billed before the subscription was taken over"),
    ("after_end", "After the end of the subscription"),
    ("quotation", "Of a quotation"),
    ("cancelled", "Of a cancelled subscription"),
    ("no_rating", "The ledger has nothing of it"),
    ("wrong_rating", "Its ledger row does not agree with its counters, its price or its invoice"),
    ("not_rated_anew", "Changed since it was rated, and not noted for rating"),
    ("no_period", "In no period of the subscription"),
]


class BillingProofLine(models.Model):
    """Counters of one service, plan, metric and billing period that share a status in a proof."""

    _name = "fusion.billing.proof.line"
    _inherit = ["fusion.billing.guarded"]
    _description = "Billing Proof Line"
    _order = "proof_id desc, id"
    _rec_name = "plan_code"

    # === FIELDS === #

    proof_id = fields.Many2one("fusion.billing.proof", required=True, readonly=True, ondelete="cascade", index=True)
    company_id = fields.Many2one("res.company", related="proof_id.company_id", store=True)
    service_id = fields.Many2one("fusion.billing.service", readonly=True, ondelete="cascade")
    plan_code = fields.Char(readonly=True)
    metric_id = fields.Many2one(
        "fusion.billing.metric", readonly=True, ondelete="cascade", help="Empty for minimum commitments."
    )
    start_on = fields.Date(string="From", readonly=True, help="First day of the billing period.")
    end_on = fields.Date(string="Until", readonly=True, help="First day after the billing period.")
    status = fields.Selection(
        STATUSES,
        readonly=True,
        required=True,
        help="Invoiced: on an invoice line. Open: in an open rating, or waiting for one. Included: the usage of the"
        " period costs nothing. Unpriced: nothing prices it. Unexplained: none of these, which should not be.",
    )
    reason = fields.Selection(REASONS, readonly=True)
    due_on = fields.Date(readonly=True, help="When what is open will be invoiced.")
    currency_id = fields.Many2one("res.currency", readonly=True)
    counter_count = fields.Integer(string="Counters", readonly=True)
    quantity = fields.Float(min_display_digits=0, readonly=True, help="The sum of the counters, however they count.")
    amount = fields.Monetary(
        readonly=True, help="What the ledger has billed, or has open, for the billing periods that the proof touches."
    )

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        return set(self._fields)
