# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import datetime

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..api.errors import BusinessRuleError
from .changes import get_changes


class SaleOrder(models.Model):
    """The subscription as the billing services know it. Rating and invoicing stand in files of their own."""

    _name = "sale.order"
    _inherit = ["sale.order", "fusion.billing.guarded", "fusion.billing.edition"]

    # === FIELDS === #

    x_fc_service_id = fields.Many2one(
        "fusion.billing.service",
        string="Billing Service",
        check_company=True,
        ondelete="restrict",
        copy=False,
        help="The source app that opened the subscription, or that it was given to: it pushes the usage, and may "
        "change and end the subscription. Empty: services of the customer read it and push usage, and change nothing.",
    )
    x_fc_external_id = fields.Char(string="External Id", copy=False, help="The subscription's id in the source app.")
    x_fc_plan_code = fields.Char(string="Plan Code", index="btree_not_null", help="Charges with this code apply.")
    x_fc_minimum_commitment = fields.Monetary(
        string="Minimum Commitment",
        copy=False,
        help="What a billing period costs at least, fixed fee and usage together.",
    )
    x_fc_billed_until = fields.Date(
        string="Usage Billed Until", readonly=True, copy=False, help="Usage before this day has been invoiced."
    )
    x_fc_billed_from = fields.Date(
        string="Usage Billed From",
        readonly=True,
        copy=False,
        help="Usage before this day was billed before the subscription was taken over: it is not billed again.",
    )
    x_fc_usage_ids = fields.One2many("fusion.billing.usage", "subscription_id", string="Usage")
    x_fc_rating_ids = fields.One2many("fusion.billing.rating", "subscription_id", string="Ratings")

    # === CONSTRAINTS AND INDEXES === #

    _x_fc_external_id_uniq = models.UniqueIndex(
        "(x_fc_service_id, x_fc_external_id) WHERE x_fc_external_id IS NOT NULL",
        "The service has another subscription with this external id.",
    )

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        return super().create([self._fc_complete_terms(vals) for vals in vals_list])

    def write(self, vals):
        self._fc_check_identity_kept(vals)
        self._fc_check_last_period_kept(vals)
        self._fc_check_start_kept(vals)
        changes_plan = any(order.x_fc_plan_code != vals.get("x_fc_plan_code") for order in self)
        if vals.get("x_fc_plan_code") and changes_plan and len(self.company_id) == 1:
            vals = self._fc_complete_terms({"company_id": self.company_id.id, **vals})
        moved = self.filtered(lambda order: order.state == "sale" and get_changes(order, vals, ["x_fc_plan_code"]))
        result = super().write(vals)
        # Nothing was rated so far: the plan's charges price also what was used before, as late usage would have it.
        moved._fc_request_rating(since=datetime.date.min)
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_locked_usage(self):
        """A quotation takes its usage along, by a foreign key, but none of a time that is locked."""
        # sudo: the lock holds for whoever deletes.
        self.sudo().x_fc_usage_ids._check_not_locked()

    # === ACTIONS === #

    def action_view_x_fc_usage(self):
        return self._fc_view("fusion_centralize_billing.action_billing_usage")

    def action_view_x_fc_ratings(self):
        return self._fc_view("fusion_centralize_billing.action_billing_rating")

    def action_preview_x_fc_invoice(self):
        """Show the invoice that the subscription would get."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Invoice Preview"),
            "res_model": "fusion.billing.invoice.preview",
            "view_mode": "form",
            "target": "new",
            "context": {"default_order_id": self.id},
        }

    # === BUSINESS === #

    def _get_copiable_order_lines(self):
        """Leave rated lines behind: a copy has used nothing."""
        return super()._get_copiable_order_lines().filtered(lambda line: not line.x_fc_is_rated)

    def _action_confirm(self):
        self._fc_check_usage_covered()
        self._fc_check_renewal()
        return super()._action_confirm()

    def _fc_emit(self, event_type):
        """Queue a webhook about this subscription to its service."""
        if self.x_fc_service_id:
            payload = {"subscription": self._fc_prepare_webhook_values()}
            # sudo: people who confirm orders need not read services; the service hears of its own subscriptions only.
            self.env["fusion.billing.webhook"]._emit(self.sudo().x_fc_service_id, event_type, payload)

    def _fc_prepare_webhook_values(self):
        """Return what a webhook tells about the subscription; dates are ISO text."""
        return {
            "subscription_id": self._fc_get_first_id(),
            "external_id": self.x_fc_external_id or None,
            "external_customer_id": self._fc_get_external_customer_id(),
            "plan_code": self.x_fc_plan_code or None,
            "subscription_state": self.subscription_state,
            "start_date": fields.Date.to_string(self.start_date) or None,
            "next_invoice_date": fields.Date.to_string(self.next_invoice_date) or None,
            "ended_on": fields.Date.to_string(self._fc_get_ended_on()) or None,
        }

    def _fc_get_external_customer_id(self):
        """Return what the subscription's service calls its customer, or None."""
        # sudo: links are for billing people, but an order is also confirmed and posted by others.
        links = self.sudo().x_fc_account_link_id | self.partner_id.sudo().x_fc_account_link_ids
        return links.filtered(lambda link: link.service_id == self.x_fc_service_id)[:1].external_id or None

    def _fc_get_catalog_plan(self):
        """Return the catalogue plan, also one that is not sold any more, or an empty recordset."""
        return self.env["fusion.billing.plan"].sudo()._get_by_code(self.x_fc_plan_code, self.company_id)

    # === HELPERS === #

    @api.model
    def _fc_complete_terms(self, vals):
        """Let a subscription take over the terms of its plan, except those that it is given."""
        company = self.env["res.company"].browse(vals.get("company_id")) or self.env.company
        # sudo: whoever opens the subscription need not read the catalogue.
        plan = self.env["fusion.billing.plan"].sudo()._get_by_code(vals.get("x_fc_plan_code"), company)
        return {**plan._prepare_order_terms(), **vals} if plan else vals

    def _fc_check_identity_kept(self, vals):
        """A subscription that was rated keeps what decides what was billed, and to whom.

        With usage it keeps its service, rated or not: another one would see it. One that has none may be given to
        the service that has recorded all its usage. Nor do people change the external id of one with usage, by which
        the service's next counters find it; the service itself may.
        """
        decisive = {"x_fc_service_id", "x_fc_external_id", "x_fc_plan_code", "company_id"} & set(vals)
        if not self.env.su:
            # Another contact's customer would see in frontends what was billed to this one.
            decisive |= {"partner_id"} & set(vals)
        for order in self if decisive else ():
            changed = get_changes(order, vals, decisive)
            if "x_fc_external_id" in changed:
                changed.remove("x_fc_external_id")
                # An error of the service's own may be put right until it has sent counters.
                if not self.env.su and order.x_fc_external_id and order.sudo()._fc_get_lives()._fc_has_usage():
                    raise UserError(self.env._("The subscription has usage: its service renames it, over the API."))
            is_given = changed == {"x_fc_service_id"} and not order.x_fc_service_id
            # sudo: the ledger counts whoever writes; a renewal has that of the orders before it.
            if changed and not is_given and order.sudo()._fc_get_fixing_ratings(changed):
                raise UserError(
                    self.env._(
                        "A rated subscription keeps its customer, service, plan code and company. Close it and open "
                        "another one."
                    )
                )
            if "x_fc_plan_code" in changed and order.state == "sale":
                order._fc_check_plan_currency(vals)
            if "x_fc_service_id" in changed and order._fc_has_usage_of_others(vals["x_fc_service_id"]):
                raise UserError(self.env._("The subscription has usage of its service, which no other one may see."))

    def _fc_check_plan_currency(self, vals):
        """Refuse a plan in another currency than the running subscription's: it could not be rated."""
        # sudo: whoever changes the subscription need not read the catalogue.
        plan = self.env["fusion.billing.plan"].sudo()._get_by_code(vals["x_fc_plan_code"], self.company_id)
        if plan and plan.currency_id != self.currency_id:
            raise BusinessRuleError(
                self.env._("%(plan)s is priced in %(currency)s.", plan=plan.name, currency=plan.currency_id.name),
                code="currency_mismatch",
                path="x_fc_plan_code",
            )

    @api.model
    def _fc_get_guarded_fields(self):
        # Usage is billed between these days: what a person wrote there would never be billed, or be credited.
        return super()._fc_get_guarded_fields() | {"x_fc_billed_from", "x_fc_billed_until"}

    def _fc_has_usage(self):
        # sudo: usage counts whoever asks.
        domain = [("subscription_id", "in", self.ids), ("voided_at", "=", False)]
        return bool(self.env["fusion.billing.usage"].sudo().search_count(domain, limit=1))

    def _fc_get_fixing_ratings(self, changed):
        """Return the ratings that fix values: a renewal may have another plan than before it, but no other service."""
        orders = self if changed == {"x_fc_plan_code"} else self._fc_get_lives()
        return orders.x_fc_rating_ids

    def _fc_has_usage_of_others(self, service_id):
        # sudo: usage counts whoever asks.
        domain = [
            ("subscription_id", "in", self.sudo()._fc_get_lives().ids),
            ("service_id", "not in", [False, service_id]),
        ]
        return bool(self.env["fusion.billing.usage"].sudo().search_count(domain, limit=1))

    def _fc_check_last_period_kept(self, vals):
        """Refuse an end that leaves no day, and so no period, to a subscription with usage."""
        end_date = fields.Date.to_date(vals.get("end_date"))
        for order in self if end_date and self._edition_end_decides() else ():
            if order.start_date and end_date <= order.start_date and order._fc_has_usage():
                raise BusinessRuleError(
                    self.env._("%s has usage: it covers at least its first day.", order.name),
                    code="usage_after_end",
                    path="end_date",
                )

    def _fc_check_start_kept(self, vals):
        """Refuse another start of a quotation that was invoiced in an earlier life: its usage would be billed again."""
        decisive = {"start_date", "x_fc_billing_tz"} & set(vals)
        for order in self if decisive else ():
            invoiced = order.sudo().x_fc_rating_ids.filtered(lambda row: row.state != "open")
            if order.state in ("draft", "sent") and invoiced and get_changes(order, vals, decisive):
                raise UserError(
                    self.env._(
                        "Usage of %s was invoiced: its start and time zone stay. Duplicate it instead.", order.name
                    )
                )

    def _fc_check_usage_covered(self):
        """Refuse a start after usage that was acknowledged: no period would bill it."""
        for order in self.filtered("is_subscription"):
            start = order.start_date or order._fc_get_today()
            earlier = (
                self.env["fusion.billing.usage"]
                .sudo()
                .search_count([("subscription_id", "=", order.id), ("attributed_at", "<", order._fc_start_of(start))])
            )
            if earlier:
                raise UserError(
                    self.env._(
                        "%(order)s has %(count)s usage rows before its start on %(start)s, which no period would bill. "
                        "Set an earlier start date or delete the rows.",
                        order=order.name,
                        count=earlier,
                        start=start,
                    )
                )

    def _fc_view(self, xml_id):
        self.ensure_one()
        action = self.env["ir.actions.actions"]._for_xml_id(xml_id)
        return {
            **action,
            "domain": [("subscription_id", "=", self.id)],
            "context": {"default_subscription_id": self.id},
        }
