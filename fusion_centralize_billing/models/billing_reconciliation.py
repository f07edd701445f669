# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models
from odoo.exceptions import UserError

from ..rating.money import to_decimal


class BillingReconciliation(models.Model):
    """What Odoo bills for a period beside what the product's former billing has billed for it, without tax.

    While both run, one row per subscription and period says whether they agree. Rows are written by what reads the
    other system; people explain the differences.
    """

    _name = "fusion.billing.reconciliation"
    _inherit = ["fusion.billing.guarded", "mail.thread"]
    _description = "Billing Reconciliation"
    _order = "period_start desc, id desc"

    # === FIELDS === #

    service_id = fields.Many2one("fusion.billing.service", required=True, readonly=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="service_id.company_id", store=True, index=True)
    partner_id = fields.Many2one(
        "res.partner", string="Customer", required=True, readonly=True, ondelete="restrict", index=True
    )
    subscription_id = fields.Many2one(
        "sale.order",
        readonly=True,
        ondelete="restrict",
        index="btree_not_null",
        help="Empty for what the other system has billed outside of any subscription.",
    )
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    period_start = fields.Date(string="From", required=True, readonly=True, help="First day of the period.")
    period_end = fields.Date(string="Until", required=True, readonly=True, help="The first day after the period.")
    odoo_amount = fields.Monetary(string="Billed by Odoo", readonly=True, help="Without tax.")
    external_amount = fields.Monetary(
        string="Billed Elsewhere", readonly=True, help="By the billing that Odoo replaces, without tax."
    )
    tolerance = fields.Float(
        digits=(16, 6), default=0.01, readonly=True, help="The largest difference, up or down, that still is a match."
    )
    delta = fields.Monetary(
        string="Difference", compute="_compute_status", store=True, help="By how much Odoo bills more."
    )
    status = fields.Selection(
        [("match", "Match"), ("delta", "Difference"), ("resolved", "Resolved")],
        compute="_compute_status",
        store=True,
        index=True,
        help="Match: both agree within the tolerance. Resolved: the note says why this difference is right.",
    )
    note = fields.Text(tracking=True, help="Why the amounts differ, and what was done about it.")
    resolved_by_id = fields.Many2one("res.users", readonly=True, tracking=True, copy=False)
    resolved_at = fields.Datetime(readonly=True, copy=False)
    resolved_delta = fields.Monetary(
        string="Resolved Difference",
        readonly=True,
        copy=False,
        help="The difference that was explained: another one has to be explained anew.",
    )

    # === CONSTRAINTS AND INDEXES === #

    _period_uniq = models.UniqueIndex(
        "(service_id, subscription_id, period_start, period_end) WHERE subscription_id IS NOT NULL",
        "This period of the subscription is compared already.",
    )
    _period_order = models.Constraint("CHECK(period_end > period_start)", "A period cannot end before it starts.")
    _tolerance_positive = models.Constraint("CHECK(tolerance >= 0)", "A tolerance cannot be negative.")

    # === COMPUTE === #

    @api.depends("odoo_amount", "external_amount", "tolerance", "note", "resolved_at", "resolved_delta")
    def _compute_status(self):
        for row in self:
            delta = to_decimal(row.odoo_amount) - to_decimal(row.external_amount)
            row.delta = float(delta)
            if abs(delta) <= to_decimal(row.tolerance):
                row.status = "match"
            else:
                is_explained = row.resolved_at and row._has_reason() and to_decimal(row.resolved_delta) == delta
                row.status = "resolved" if is_explained else "delta"

    @api.depends("partner_id", "period_start")
    def _compute_display_name(self):
        for row in self:
            row.display_name = f"{row.partner_id.display_name}, {row.period_start}"

    # === CRUD === #

    def write(self, vals):
        """Forget who has explained a difference once the reason is gone: another one has another author."""
        result = super().write(vals)
        if "note" in vals:
            self.filtered(lambda row: row.resolved_at and not row._has_reason())._forget_resolution()
        return result

    # === ACTIONS === #

    def action_resolve(self):
        """Take the differences as explained; the note is the reason, and they stay as large as they are."""
        self.check_access("write")
        for row in self:
            if row.status != "delta":
                raise UserError(self.env._("%s has no open difference.", row.display_name))
            if not row._has_reason():
                raise UserError(self.env._("Say in the note why the amounts of %s differ.", row.display_name))
            # sudo: who resolved which difference is written by this action only; the right to write was checked.
            row.sudo().write(
                {
                    "resolved_by_id": self.env.user.id,
                    "resolved_at": fields.Datetime.now(),
                    "resolved_delta": row.delta,
                }
            )
        return True

    def action_reopen(self):
        """Take back that the differences are explained."""
        self.check_access("write")
        if any(row.status != "resolved" for row in self):
            raise UserError(self.env._("Only a resolved difference can be opened again."))
        self._forget_resolution()
        return True

    # === HELPERS === #

    def _forget_resolution(self):
        # sudo: as in action_resolve.
        self.sudo().write({"resolved_by_id": False, "resolved_at": False, "resolved_delta": 0})

    def _has_reason(self):
        return bool((self.note or "").strip())

    @api.model
    def _fc_get_guarded_fields(self):
        return {
            *("service_id", "company_id", "partner_id", "subscription_id", "currency_id", "period_start", "period_end"),
            *("odoo_amount", "external_amount", "tolerance", "delta", "status"),
            *("resolved_by_id", "resolved_at", "resolved_delta"),
        }
