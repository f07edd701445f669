# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import json

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import split_every

from ..api.numbers import property_text
from ..rating import attributed_at, to_decimal
from .changes import get_changes
from .rated_counters import add_origin
from .usage_row import changes, describe_properties

_CRON_BATCH = 500
#: What a correction changes; everything else of a counter stays as it was received.
_CORRECTED = {"quantity", "period_start", "period_end", "properties"}
#: What says whose counter it is, whether it counts, and which one its service means by a key: no edit changes these.
_FIXED = {"subscription_id", "metric_id", "service_id", "idempotency_key", "voided_at", "void_reason"}
#: What people do not give a counter that they make.
_GUARDED = {"service_id", "attributed_at", "source", "voided_at", "void_reason"}


class BillingUsage(models.Model):
    """A usage counter of a subscription. It belongs to the billing period in which its last instant lies.

    Recording, corrections and aggregation stand in files of their own.
    """

    _name = "fusion.billing.usage"
    _inherit = ["fusion.billing.guarded"]
    _description = "Billing Usage"
    _order = "attributed_at desc, id desc"
    _rec_name = "idempotency_key"
    _check_company_auto = True

    # === FIELDS === #

    subscription_id = fields.Many2one("sale.order", required=True, ondelete="cascade")
    service_id = fields.Many2one("fusion.billing.service", ondelete="restrict", help="The service that pushed it.")
    company_id = fields.Many2one("res.company", related="subscription_id.company_id")
    metric_id = fields.Many2one("fusion.billing.metric", required=True, check_company=True, ondelete="restrict")
    period_start = fields.Datetime(required=True)
    period_end = fields.Datetime(required=True)
    attributed_at = fields.Datetime(
        compute="_compute_attributed_at",
        store=True,
        help="The last instant of the counter, which decides its billing period.",
    )
    quantity = fields.Float(min_display_digits=0, required=True)
    properties = fields.Json(help="The counter's dimensions, by which charges filter and group.")
    properties_text = fields.Char(compute="_compute_properties_text", string="Dimensions")
    source = fields.Char(default="push", required=True)
    idempotency_key = fields.Char()
    voided_at = fields.Datetime(readonly=True, copy=False, help="Since then the counter does not count.")
    void_reason = fields.Char(readonly=True, copy=False)
    history_ids = fields.One2many("fusion.billing.usage.history", "usage_id", string="Corrections")

    # === CONSTRAINTS AND INDEXES === #

    _idempotency_key_uniq = models.UniqueIndex(
        "(COALESCE(service_id, 0), idempotency_key) WHERE idempotency_key IS NOT NULL",
        "The service has another counter with this idempotency key.",
    )
    _window_idx = models.Index("(subscription_id, metric_id, attributed_at)")
    _period_order = models.Constraint("CHECK(period_end >= period_start)", "A counter cannot end before it starts.")
    _quantity_positive = models.Constraint(
        "CHECK(quantity >= 0 AND quantity < 'Infinity'::numeric)", "A quantity is a number from zero up."
    )
    _key_length = models.Constraint(
        "CHECK(char_length(idempotency_key) <= 255)", "An idempotency key has at most 255 characters."
    )
    _attribution = models.Constraint(
        "CHECK(attributed_at = GREATEST(period_start, period_end - interval '1 microsecond'))",
        "A counter is attributed to its last instant.",
    )

    @api.constrains("metric_id", "period_start", "period_end")
    def _check_duration(self):
        for usage in self:
            if usage.metric_id.aggregation == "weighted_sum" and usage.period_start == usage.period_end:
                raise ValidationError(self._describe_fault("duration_needed"))

    # === COMPUTE === #

    @api.depends("period_start", "period_end")
    def _compute_attributed_at(self):
        for usage in self:
            in_order = usage.period_start and usage.period_end and usage.period_start <= usage.period_end
            usage.attributed_at = in_order and attributed_at(usage.period_start, usage.period_end)

    @api.depends("properties")
    def _compute_properties_text(self):
        for usage in self:
            usage.properties_text = describe_properties(usage.properties or {})

    # === CRUD === #

    def init(self):
        super().init()
        add_origin(self.env.cr, self._table)

    @api.model_create_multi
    def create(self, vals_list):
        usages = super().create([_with_plain_properties(vals) for vals in vals_list])
        for usage in usages.filtered(lambda usage: not usage.service_id and usage.subscription_id.x_fc_service_id):
            # sudo: nobody says whose counter it is.
            super(BillingUsage, usage.sudo()).write({"service_id": usage.subscription_id.x_fc_service_id.id})
        usages._check_not_locked()
        usages._note_changes()
        return usages

    def write(self, vals):
        """Keep the history of corrections, and have both the old and the new period rated again.

        :raises UserError: if a counter is void, or a field would change that no edit may change
        """
        vals = _with_plain_properties(vals)
        for usage in self:
            for name in get_changes(usage, vals, _FIXED):
                raise UserError(
                    self.env._(
                        "The %s of a counter cannot be edited: void it, and record another one.",
                        self._fields[name]._description_string(self.env),
                    )
                )
        if not _CORRECTED & set(vals):
            return super().write(vals)
        if self.filtered("voided_at"):
            raise UserError(self.env._("A void counter cannot be corrected."))
        self._check_not_locked()
        self._note_changes()
        before = self._get_exact_values()
        result = super().write(vals)
        self._check_not_locked()
        self._note_changes()
        self._keep_history("amended", before)
        return result

    def unlink(self):
        self._check_not_locked()
        self._note_changes()
        self._keep_history("deleted", self._get_exact_values())
        return super().unlink()

    # === ACTIONS === #

    def action_void(self):
        """Ask for the reason of a void."""
        return self._open_correction("void")

    def action_amend(self):
        """Ask for the right quantity, and the reason."""
        self.ensure_one()
        return self._open_correction("amend")

    # === JOBS === #

    @api.model
    def _cron_rate_open_periods(self):
        """Enqueue one rating job for each subscription whose usage changed.

        Not of those that need attention, or whose job failed, unless new usage comes: the sweep tries them again
        (sale_order_attention.py). The invoice is rated anew in any case.
        """
        subscriptions = self.env["fusion.billing.usage.change"]._get_changed_subscriptions()
        subscriptions -= subscriptions._fc_get_with_rating_put_off()
        self.env["ir.cron"]._commit_progress(remaining=len(subscriptions))
        for ids in split_every(_CRON_BATCH, subscriptions.ids):
            batch = subscriptions.browse(ids)
            batch._schedule_rating()
            if not self.env["ir.cron"]._commit_progress(processed=len(batch)):
                break

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        return _GUARDED

    @api.model
    def _fc_get_fixed_fields(self):
        return _FIXED

    @api.model
    def _fc_get_entitled_values(self, vals):
        """A counter that people make is of their subscription's service; another's keys would meet its own."""
        subscription = self.env["sale.order"].browse(vals.get("subscription_id") or ())
        # sudo: who may not see the subscription is refused by the rules, as soon as the counter is made.
        entitled = {"service_id": subscription.sudo().x_fc_service_id.id, "source": "push"}
        return {**super()._fc_get_entitled_values(vals), **entitled}

    def _open_correction(self, kind):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Void Usage") if kind == "void" else self.env._("Amend Usage"),
            "res_model": "fusion.billing.usage.correction",
            "view_mode": "form",
            "target": "new",
            "context": {"default_usage_ids": self.ids, "default_kind": kind, "default_quantity": self[:1].quantity},
        }

    def _note_changes(self):
        self.flush_recordset()
        touched = [(usage.subscription_id.id, usage.metric_id.id, usage.attributed_at) for usage in self]
        self.env["fusion.billing.usage.change"]._append(changes(touched))

    @api.model
    def _properties_as_json(self, properties):
        return json.dumps(properties) if properties else None


def _with_plain_properties(vals):
    """Return values with the properties as the API would keep them."""
    if not isinstance(vals.get("properties"), dict):
        return vals
    plain = {
        name: property_text(to_decimal(value) if isinstance(value, float) else value)
        for name, value in vals["properties"].items()
    }
    return {**vals, "properties": plain}
