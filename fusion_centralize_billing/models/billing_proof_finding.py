# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models


class BillingProofFinding(models.Model):
    """Something that a proof could not explain, and where to look."""

    _name = "fusion.billing.proof.finding"
    _inherit = ["fusion.billing.guarded"]
    _description = "Billing Proof Finding"
    _order = "proof_id desc, id"
    _rec_name = "code"

    #: So many findings of a run are kept; the run counts them all.
    MOST_KEPT = 1000

    # === FIELDS === #

    proof_id = fields.Many2one("fusion.billing.proof", required=True, readonly=True, ondelete="cascade", index=True)
    company_id = fields.Many2one("res.company", related="proof_id.company_id", store=True)
    code = fields.Char(readonly=True, required=True)
    message = fields.Char(compute="_compute_message")
    subscription_id = fields.Many2one("sale.order", readonly=True, ondelete="cascade")
    rating_id = fields.Many2one("fusion.billing.rating", readonly=True, ondelete="cascade")
    invoice_line_id = fields.Many2one("account.move.line", readonly=True, ondelete="cascade")
    metric_id = fields.Many2one("fusion.billing.metric", readonly=True, ondelete="cascade")
    start_on = fields.Date(string="Period From", readonly=True)
    counter_count = fields.Integer(string="Counters", readonly=True)
    expected = fields.Char(readonly=True)
    found = fields.Char(readonly=True)

    # === COMPUTE === #

    @api.depends("code")
    def _compute_message(self):
        for finding in self:
            finding.message = self._describe(finding.code)

    # === ACTIONS === #

    def action_open(self):
        """Show what does not agree: the rating, the invoice, or the counters."""
        self.ensure_one()
        window = {"type": "ir.actions.act_window", "view_mode": "form"}
        if self.rating_id:
            return {**window, "res_model": "fusion.billing.rating", "res_id": self.rating_id.id}
        if self.invoice_line_id:
            # sudo: whether the invoice may be read is asked when it is shown.
            return {**window, "res_model": "account.move", "res_id": self.sudo().invoice_line_id.move_id.id}
        action = self.env["ir.actions.actions"]._for_xml_id("fusion_centralize_billing.action_billing_usage")
        domain = [("subscription_id", "=", self.subscription_id.id), ("metric_id", "=", self.metric_id.id)]
        return {**action, "domain": domain, "context": {}}

    # === HELPERS === #

    @api.model
    def _describe(self, code):
        """Return what a code means, for people."""
        texts = {
            "rated_quantity": self.env._("The counters of this rating came to another quantity when it was rated."),
            "rated_amount": self.env._("The quantity of this rating has another price with its terms."),
            "rated_sum": self.env._("The ratings of this period do not come to its price."),
            "commitment": self.env._("The minimum commitment of this period is not what it lacks."),
            "line_missing": self.env._("This rating is billed, but on no valid invoice line of its subscription."),
            "line_amount": self.env._("This invoice line does not show, or book, what its ratings say."),
            "line_unrated": self.env._("This invoice line bills usage of which the ledger does not know."),
            "no_rating": self.env._("These counters have no rating."),
            "wrong_rating": self.env._(
                "The rating of these counters does not agree with them, with its price or with its invoice."
            ),
            "not_rated_anew": self.env._("These counters have changed since they were rated, and no rating waits."),
            "no_period": self.env._("These counters are in no period of their subscription."),
            "miscounted": self.env._("The statuses do not come to the number of counters: the proof itself is wrong."),
        }
        return texts.get(code, code)

    @api.model
    def _prepare(self, proof, finding):
        """Return the values of a Finding in a run."""
        return {
            "proof_id": proof.id,
            "code": finding.code,
            "subscription_id": finding.subscription_id,
            "rating_id": finding.rating_id,
            "invoice_line_id": finding.invoice_line_id,
            "metric_id": finding.metric_id,
            "start_on": finding.start_on,
            "counter_count": finding.counters,
            "expected": finding.expected,
            "found": finding.found,
        }

    @api.model
    def _fc_get_guarded_fields(self):
        return set(self._fields)
