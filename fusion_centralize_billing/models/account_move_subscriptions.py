# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models

from ..api.plain_values import text


def describe_subscription(order):
    """Return how services know the subscription of an order, or nulls without one."""
    return {
        "subscription_id": order._fc_get_first_id() if order else None,
        "subscription_external_id": text(order._fc_get_external_id()) if order else None,
    }


class AccountMove(models.Model):
    """Whose subscriptions an invoice or credit note bills: of one, or of several of one customer and service."""

    _inherit = "account.move"

    # === FIELDS === #

    x_fc_subscription_ids = fields.Many2many(
        "sale.order",
        "fusion_billing_invoice_subscription_rel",
        "move_id",
        "order_id",
        string="Subscriptions",
        readonly=True,
        copy=False,
        ondelete="restrict",
        help="The subscriptions that this document bills; its lines say which is of which.",
    )
    x_fc_subscription_id = fields.Many2one(
        "sale.order",
        string="Subscription",
        compute="_compute_x_fc_subscription_id",
        store=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        help="The only subscription that this document bills; empty if there are several.",
    )
    x_fc_invoice_group = fields.Char(
        string="Invoice Group",
        store=False,
        readonly=True,
        help="Invoices of one group become one while they are made; not kept.",
    )

    # === COMPUTE === #

    @api.depends("x_fc_subscription_ids")
    def _compute_x_fc_subscription_id(self):
        for move in self:
            orders = move.x_fc_subscription_ids
            move.x_fc_subscription_id = orders if len(orders) == 1 else False

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        return super()._fc_get_guarded_fields() | {
            "x_fc_subscription_ids",
            "x_fc_subscription_id",
            "x_fc_invoice_group",
        }

    def _fc_describe_subscriptions(self):
        """Return what answers and webhooks tell of the subscriptions: the only one, and all."""
        described = {}
        for order in self.x_fc_subscription_ids.sorted("id"):
            # An order and its renewal are one subscription to a service.
            known = describe_subscription(order)
            described[known["subscription_id"]] = known
        only = next(iter(described.values())) if len(described) == 1 else describe_subscription(None)
        return {**only, "subscriptions": list(described.values())}


class AccountMoveLine(models.Model):
    """Whose subscription a line bills. What people add by hand is of none."""

    _inherit = "account.move.line"

    # === FIELDS === #

    x_fc_subscription_id = fields.Many2one(
        "sale.order",
        string="Billed Subscription",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        help="The subscription that this line bills or credits.",
    )

    # === CRUD === #

    @api.ondelete(at_uninstall=False)
    def _leave_subscriptions_on_unlink(self):
        """Let a document of several subscriptions belong to those only that it still has lines of."""
        # sudo: nobody writes by hand whose document it is, but people take lines off a draft.
        for move in self.sudo().move_id.filtered(lambda move: len(move.x_fc_subscription_ids) > 1):
            left = move.invoice_line_ids.filtered(lambda line: line.display_type == "product") - self
            if left.x_fc_subscription_id:
                move.x_fc_subscription_ids = left.x_fc_subscription_id

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        return super()._fc_get_guarded_fields() | {"x_fc_subscription_id"}

    @api.model
    def _fc_get_entitled_values(self, vals):
        """Let people reverse an invoice: the lines of the reversal are of the subscriptions of its lines."""
        credited = self.env["account.move"].browse(vals.get("move_id") or ()).reversed_entry_id.line_ids
        order = credited.x_fc_subscription_id.filtered(lambda order: order.id == vals.get("x_fc_subscription_id"))
        return {**super()._fc_get_entitled_values(vals), "x_fc_subscription_id": order.id}

    def _copy_data_extend_business_fields(self, values):
        """Keep on the lines of a reversal whose subscription they credit."""
        super()._copy_data_extend_business_fields(values)
        # sudo: whoever reverses an invoice need not read orders.
        values["x_fc_subscription_id"] = self.sudo().x_fc_subscription_id.id
