# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError

from ..api.plain_values import instant

#: A fault that people mend is tried again after this long.
RETRY_FAULT_AFTER = timedelta(hours=1)


class BillingAttention(models.Model):
    """What keeps a subscription from being rated or invoiced, until somebody mends it.

    Written by the jobs that met it and by the sweep that finds failed jobs, and deleted by the next run that
    succeeds: nobody closes it by hand.
    """

    _name = "fusion.billing.attention"
    _inherit = ["fusion.billing.guarded"]
    _description = "Subscription That Needs Attention"
    _order = "first_seen desc, id desc"
    _rec_name = "code"

    # === FIELDS === #

    subscription_id = fields.Many2one("sale.order", required=True, readonly=True, ondelete="cascade")
    partner_id = fields.Many2one(related="subscription_id.partner_id", string="Customer", store=True)
    service_id = fields.Many2one(related="subscription_id.x_fc_service_id", store=True, index="btree_not_null")
    company_id = fields.Many2one(related="subscription_id.company_id", store=True)
    code = fields.Char(required=True, readonly=True, help="Stable name of the reason.")
    message = fields.Text(required=True, readonly=True, help="What is wrong.")
    is_internal = fields.Boolean(
        readonly=True, help="The message may name what services do not see: they read a general one."
    )
    step = fields.Selection(
        [("plan", "Plan"), ("rating", "Rating"), ("invoicing", "Invoicing"), ("closing", "Closing Invoice")],
        required=True,
        readonly=True,
        help="What could not be done. It is tried again by itself.",
    )
    period_start = fields.Date(string="Period From", readonly=True, help="First day of the period that waits.")
    first_seen = fields.Datetime(string="Since", required=True, readonly=True)
    last_seen = fields.Datetime(string="Last Tried", required=True, readonly=True)
    next_try_at = fields.Datetime(string="Next Try", required=True, readonly=True, index=True)
    change_id = fields.Integer(readonly=True, help="The last change of usage that was known: a newer one is rated.")
    job_uuid = fields.Char(string="Failed Job", readonly=True, help="Set if the job failed: it is tried once a day.")
    activity_id = fields.Many2one("mail.activity", readonly=True, ondelete="set null", help="Of the service's owner.")

    # === CONSTRAINTS AND INDEXES === #

    _code_uniq = models.Constraint("UNIQUE(subscription_id, code)", "This is known of the subscription.")

    # === COMPUTE === #

    @api.depends("subscription_id.name", "code")
    def _compute_display_name(self):
        for attention in self:
            attention.display_name = f"{attention.subscription_id.name}: {attention.code}"

    # === ACTIONS === #

    def action_retry(self):
        """Try again now, for who has mended the cause and does not want to wait."""
        self.check_access("read")
        if not self.env.user.has_group("fusion_centralize_billing.group_billing_manager"):
            raise AccessError(self.env._("Billing managers try again."))
        # sudo: the jobs rate and invoice, whoever asks for it.
        self.sudo()._retry()
        return True

    def action_view_subscription(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "sale.order",
            "res_id": self.subscription_id.id,
            "view_mode": "form",
        }

    def action_view_job(self):
        """Show the job that failed."""
        self.ensure_one()
        action = self.env["ir.actions.actions"]._for_xml_id("queue_job.action_queue_job")
        return {**action, "domain": [("uuid", "=", self.job_uuid)], "context": {}}

    # === BUSINESS === #

    @api.model
    def _note(self, subscription, step, code, message, **values):
        """Note what keeps a step of a subscription from being done; what else kept it before is gone.

        :param values: other fields, such as ``is_internal``; without ``next_try_at`` it is tried again in an hour
        """
        known = self.search([("subscription_id", "=", subscription.id)])
        same = known.filtered(lambda attention: attention.code == code)
        now = fields.Datetime.now()
        values = {
            "step": step,
            "message": message,
            "is_internal": False,
            "job_uuid": False,
            "period_start": subscription._fc_get_open_day(),
            "last_seen": now,
            "next_try_at": now + RETRY_FAULT_AFTER,
            "change_id": self.env["fusion.billing.usage.change"]._get_last_ids(subscription).get(subscription.id, 0),
            **values,
        }
        if same:
            same.write(values)
        else:
            same = self.create({**values, "subscription_id": subscription.id, "code": code, "first_seen": now})
            same.activity_id = known.activity_id[:1] or same._alert_owner()
        (known - same).filtered(lambda attention: attention.step == step).unlink()
        return same

    @api.model
    def _clear(self, subscription, step):
        """Note that a step of a subscription was done: what kept it from being done is mended."""
        known = self.search([("subscription_id", "=", subscription.id)])
        mended = known.filtered(lambda attention: attention.step == step)
        activity = mended.activity_id
        mended.unlink()
        if known == mended:
            activity.unlink()

    def _retry(self):
        """Have done what could not be done."""
        for step, attentions in self.grouped("step").items():
            attentions.subscription_id._fc_schedule_step(step)

    def _describe(self):
        """Return what is wrong, as a service may read it: ``[{"code", "message", "since"}]``, oldest first."""
        general = self.env._("A rule of the back office, or a fault in it, stands in the way.")
        return [
            {
                "code": attention.code,
                "message": general if attention.is_internal else attention.message,
                "since": instant(attention.first_seen),
            }
            for attention in self.sorted("id")
        ]

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        return set(self._fields)

    def _alert_owner(self):
        """Give the owner of the subscription's service an activity, without a mail, and return it."""
        service = self.service_id
        if not service.owner_id:
            return self.env["mail.activity"]
        # On the service: its owner can read that, but not every order.
        return service.with_context(mail_activity_quick_update=True).activity_schedule(
            "mail.mail_activity_data_warning",
            summary=self.env._("%s needs attention", self.subscription_id.name),
            note=self.message,
            user_id=service.owner_id.id,
        )
