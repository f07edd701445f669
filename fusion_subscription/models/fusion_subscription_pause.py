# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from odoo import api, fields, models

from ..periods import covers


class FusionSubscriptionPause(models.Model):
    """A stretch [date_from, date_to) in which a subscription was paused; open while it still is.

    Recurring lines are not billed for a period that lies wholly within pauses.
    """

    _name = "fusion.subscription.pause"
    _inherit = ["fusion.subscription.guarded"]
    _description = "Subscription Pause"
    _order = "date_from desc, id desc"
    _rec_name = "date_from"

    # === FIELDS === #

    order_id = fields.Many2one(
        "sale.order",
        string="Subscription",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    company_id = fields.Many2one(related="order_id.company_id", store=True, index=True)
    date_from = fields.Date(string="Paused On", required=True, readonly=True)
    date_to = fields.Date(string="Resumed On", readonly=True)

    # === CONSTRAINTS AND INDEXES === #

    _one_open_pause = models.UniqueIndex(
        "(order_id) WHERE date_to IS NULL",
        "The subscription is already paused.",
    )
    _dates_ordered = models.Constraint(
        "CHECK(date_to >= date_from)",
        "A pause cannot end before it starts.",
    )

    # === BUSINESS === #

    def _end(self):
        """End open pauses today."""
        for pause in self:
            pause.date_to = pause.order_id._get_subscription_today()
        # Before the next pause is stored: only one may be open
        self.flush_recordset(["date_to"])

    # === HELPERS === #

    @api.model
    def _get_guarded_fields(self):
        return set(self._fields)

    def _covers(self, start, end):
        """Tell whether the pauses of ``self``, together, hold all days of [start, end)."""
        return covers([(pause.date_from, pause.date_to or None) for pause in self], start, end)
