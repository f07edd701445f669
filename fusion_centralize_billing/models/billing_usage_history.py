# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import json

from odoo import api, fields, models

from .rated_counters import add_origin
from .usage_row import describe_properties


class BillingUsageHistory(models.Model):
    """What a counter was before it was corrected: who changed it, when, why, from what, to what.

    Only ever appended to. It outlives its counter.
    """

    _name = "fusion.billing.usage.history"
    _inherit = ["fusion.billing.guarded"]
    _description = "Billing Usage Correction"
    _order = "id desc"
    _rec_name = "idempotency_key"

    # === FIELDS === #

    usage_id = fields.Many2one(
        "fusion.billing.usage", string="Counter", readonly=True, ondelete="set null", index="btree_not_null"
    )
    counter_id = fields.Integer(
        string="Counter Number", readonly=True, index=True, help="The counter's number, also when it was deleted."
    )
    kind = fields.Selection(
        [("amended", "Amended"), ("voided", "Voided"), ("deleted", "Deleted")], required=True, readonly=True
    )
    reason = fields.Char(readonly=True)
    create_uid = fields.Many2one("res.users", string="By", readonly=True)
    create_date = fields.Datetime(string="On", readonly=True)
    subscription_id = fields.Many2one("sale.order", required=True, readonly=True, ondelete="cascade", index=True)
    company_id = fields.Many2one("res.company", related="subscription_id.company_id")
    metric_id = fields.Many2one("fusion.billing.metric", required=True, readonly=True, ondelete="restrict")
    service_id = fields.Many2one("fusion.billing.service", readonly=True, ondelete="restrict", index="btree_not_null")
    idempotency_key = fields.Char(readonly=True)
    source = fields.Char(readonly=True)
    before = fields.Json(readonly=True, help="Quantity, times and properties before the correction.")
    after = fields.Json(readonly=True, help="The same after it; empty if the counter counts no more.")
    quantity_before = fields.Char(compute="_compute_quantities", string="Quantity Before")
    quantity_after = fields.Char(compute="_compute_quantities", string="Quantity After")
    changes_html = fields.Html(compute="_compute_changes_html", string="Before and After")

    # === COMPUTE === #

    @api.depends("before", "after")
    def _compute_quantities(self):
        for entry in self:
            entry.quantity_before = (entry.before or {}).get("quantity")
            entry.quantity_after = (entry.after or {}).get("quantity")

    @api.depends("before", "after")
    def _compute_changes_html(self):
        counter = self.env["fusion.billing.usage"]._fields
        for entry in self:
            before, after = entry.before or {}, entry.after or {}
            lines = [
                {
                    "label": counter[name]._description_string(self.env),
                    "before": self._describe_value(name, before.get(name)),
                    "after": self._describe_value(name, after.get(name)),
                }
                for name in ("quantity", "period_start", "period_end", "properties")
                if before.get(name) or after.get(name)
            ]
            entry.changes_html = self.env["ir.qweb"]._render(
                "fusion_centralize_billing.usage_history_changes", {"lines": lines}
            )

    # === CRUD === #

    def init(self):
        super().init()
        add_origin(self.env.cr, self._table, of_counter=True)

    # === BUSINESS === #

    @api.model
    def _append_updates(self, service, changes):
        """Note counters that their service pushed anew.

        :param changes: pairs (RecordedRow, UsageRow)
        """
        self._append(
            {
                "kind": "amended",
                "reason": None,
                "usage_id": known.id,
                "service_id": service.id,
                "before": known.row,
                "after": row,
            }
            for known, row in changes
        )

    @api.model
    def _append(self, entries):
        """Note corrections in one statement: a batch may have thousands. Their counters are in the table still.

        :param entries: dicts with kind, reason, usage_id, service_id, and before and after as UsageRow
        """
        rows = [
            (
                entry["usage_id"],
                entry["kind"],
                entry["reason"],
                entry["before"].subscription_id,
                entry["before"].metric_id,
                entry["service_id"] or None,
                entry["before"].idempotency_key,
                json.dumps(entry["before"].as_json()),
                json.dumps(entry["after"].as_json()) if entry["after"] else None,
                self.env.uid,
                self.env.uid,
            )
            for entry in entries
        ]
        if rows:
            self.env.cr.execute_values(
                "INSERT INTO fusion_billing_usage_history (usage_id, kind, reason, subscription_id, metric_id,"
                " service_id, idempotency_key, before, after, create_uid, write_uid, create_date, write_date,"
                " counter_id, source, counter_in, counter_run, counter_date)"
                " SELECT entry.*, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC',"
                " usage.id, usage.source, usage.recorded_in, usage.recorded_run, usage.create_date"
                " FROM (VALUES %s) AS entry (usage_id) JOIN fusion_billing_usage AS usage ON usage.id = entry.usage_id"
                " ORDER BY usage.id",
                rows,
                template="(%s, %s, %s, %s::int, %s::int, %s::int, %s, %s::jsonb, %s::jsonb, %s, %s)",
            )
            self.env["fusion.billing.usage"].invalidate_model(["history_ids"])

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        return set(self._fields)

    @api.model
    def _describe_value(self, name, value):
        if value and name == "properties":
            return describe_properties(value)
        if value and name in ("period_start", "period_end"):
            return f"{value.replace('T', ' ')} UTC"
        return value
