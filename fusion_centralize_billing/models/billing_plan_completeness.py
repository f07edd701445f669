# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models
from odoo.exceptions import ValidationError


class BillingCharge(models.Model):
    """A charge without a product cannot be invoiced: it stays incomplete until somebody subscribes."""

    _inherit = "fusion.billing.charge"

    # === FIELDS === #

    is_incomplete = fields.Boolean(compute="_compute_is_incomplete", search="_search_is_incomplete")
    incomplete_reason = fields.Char(compute="_compute_is_incomplete", string="What Is Missing")

    # === CONSTRAINTS AND INDEXES === #

    @api.constrains("product_id", "plan_code", "company_id", "active")
    def _check_complete(self):
        """Refuse what could not be invoiced to subscriptions that run."""
        for charge in self.filtered("active"):
            if charge.is_incomplete and charge._get_running_subscriptions():
                raise ValidationError(
                    self.env._(
                        "%(plan)s has subscriptions. %(reason)s", plan=charge.plan_code, reason=charge.incomplete_reason
                    )
                )

    # === COMPUTE === #

    @api.depends("name", "product_id")
    def _compute_is_incomplete(self):
        for charge in self:
            charge.is_incomplete = not charge.product_id
            charge.incomplete_reason = charge.is_incomplete and self.env._(
                "%s has no product: what it comes to cannot be put on an invoice.", charge.name
            )

    def _search_is_incomplete(self, operator, value):
        if operator != "in":
            return NotImplemented
        return [("product_id", "=" if True in value else "!=", False)]


class BillingPlan(models.Model):
    """What a plan lacks is shown before somebody subscribes, and refused afterwards."""

    _inherit = "fusion.billing.plan"

    # === FIELDS === #

    is_incomplete = fields.Boolean(compute="_compute_is_incomplete", search="_search_is_incomplete")
    incomplete_reason = fields.Text(compute="_compute_is_incomplete", string="What Is Missing")

    # === CONSTRAINTS AND INDEXES === #

    @api.constrains("minimum_commitment", "commitment_product_id")
    def _check_complete(self):
        """Refuse a commitment, the plan's or one that was agreed with a customer, that could not be invoiced."""
        for plan in self.filtered(lambda plan: not plan.commitment_product_id):
            running = plan._get_running_subscriptions()
            if running and (plan.minimum_commitment or any(running.mapped("x_fc_minimum_commitment"))):
                raise ValidationError(
                    self.env._("%s has subscriptions: their minimum commitment needs a product.", plan.name)
                )

    # === COMPUTE === #

    @api.depends("minimum_commitment", "commitment_product_id", "charge_ids.active", "charge_ids.is_incomplete")
    def _compute_is_incomplete(self):
        for plan in self:
            reasons = plan._get_incomplete_reasons()
            plan.is_incomplete = bool(reasons)
            plan.incomplete_reason = "\n".join(reasons) or False

    def _search_is_incomplete(self, operator, value):
        if operator != "in":
            return NotImplemented
        lacking = [("minimum_commitment", ">", 0), ("commitment_product_id", "=", False)]
        domain = ["|", ("charge_ids.is_incomplete", "=", True), "&", *lacking]
        return domain if True in value else ["!", *domain]

    # === BUSINESS === #

    def _get_incomplete_reasons(self):
        """Return what keeps the plan's subscriptions from being invoiced, as sentences."""
        self.ensure_one()
        reasons = [charge.incomplete_reason for charge in self.charge_ids if charge.active and charge.is_incomplete]
        if self._lacks_commitment_product():
            reasons.append(self.env._("The minimum commitment has no product: it cannot be put on an invoice."))
        return reasons

    # === HELPERS === #

    def _lacks_commitment_product(self):
        self.ensure_one()
        return bool(self.minimum_commitment and not self.commitment_product_id)


class SaleOrder(models.Model):
    """A subscription that was opened on an incomplete plan runs, and shows what its plan lacks."""

    _inherit = "sale.order"

    # === CONSTRAINTS AND INDEXES === #

    @api.constrains("x_fc_minimum_commitment")
    def _check_x_fc_minimum_commitment(self):
        """Refuse a commitment by hand that could not be invoiced; a quotation gets its plan's, complete or not."""
        for order in self.filtered(lambda order: order.is_subscription and order.state == "sale"):
            if order._fc_lacks_commitment_product():
                raise ValidationError(
                    self.env._(
                        "A minimum commitment needs a product: set the commitment product of the plan %s first.",
                        order.x_fc_plan_code or "",
                    )
                )

    # === BUSINESS === #

    def _fc_get_incomplete_reasons(self):
        """Return what keeps the subscription from being invoiced, as sentences: see the plan's method."""
        self.ensure_one()
        # sudo: what is missing concerns whoever looks at the subscription.
        charges = self.sudo()._fc_get_charges_by_subscription()[self.sudo()]
        reasons = [charge.incomplete_reason for charge in charges if charge.active and charge.is_incomplete]
        if self._fc_lacks_commitment_product():
            reasons.append(self.env._("The minimum commitment has no product: it cannot be put on an invoice."))
        return reasons

    # === HELPERS === #

    def _fc_lacks_commitment_product(self):
        self.ensure_one()
        return bool(self.x_fc_minimum_commitment and not self._fc_get_catalog_plan().commitment_product_id)
