# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, models
from odoo.exceptions import ValidationError


class ProductTemplate(models.Model):
    """Products of plans and charges, where the product decides what is billed in each period."""

    _inherit = "product.template"

    # === CRUD === #

    def write(self, vals):
        result = super().write(vals)
        if "recurring_invoice" in vals:
            # sudo: plans and charges count whoever changes their product.
            catalog = self.sudo().with_context(active_test=False).product_variant_ids
            catalog._fc_get_plans()._check_recurrence()
            catalog._fc_get_charges()._check_recurrence()
        return result


class ProductProduct(models.Model):
    _inherit = "product.product"

    # === HELPERS === #

    def _fc_get_plans(self):
        domain = ["|", ("product_id", "in", self.ids), ("commitment_product_id", "in", self.ids)]
        return self.env["fusion.billing.plan"].search(domain)

    def _fc_get_charges(self):
        return self.env["fusion.billing.charge"].search([("product_id", "in", self.ids)])


class BillingCharge(models.Model):
    _inherit = "fusion.billing.charge"

    # === CONSTRAINTS AND INDEXES === #

    @api.constrains("product_id")
    def _check_recurrence(self):
        if not self.env["sale.order"]._edition_product_decides():
            return
        for charge in self.filtered("product_id.recurring_invoice"):
            raise ValidationError(
                self.env._(
                    "%(charge)s: %(product)s is recurring, so that its amount would be billed again in each period. "
                    "Take a product that is not.",
                    charge=charge.name,
                    product=charge.product_id.display_name,
                )
            )


class BillingPlan(models.Model):
    _inherit = "fusion.billing.plan"

    # === CONSTRAINTS AND INDEXES === #

    @api.constrains("product_id", "commitment_product_id")
    def _check_recurrence(self):
        if not self.env["sale.order"]._edition_product_decides():
            return
        for plan in self:
            if plan.product_id and not plan.product_id.recurring_invoice:
                raise ValidationError(
                    self.env._(
                        "%(plan)s: the fixed fee would be billed once, since %(product)s is not recurring. "
                        "Take a recurring product.",
                        plan=plan.name,
                        product=plan.product_id.display_name,
                    )
                )
            if plan.commitment_product_id.recurring_invoice:
                raise ValidationError(
                    self.env._(
                        "%(plan)s: %(product)s is recurring, so that what is missing to the commitment would be billed "
                        "again in each period. Take a product that is not.",
                        plan=plan.name,
                        product=plan.commitment_product_id.display_name,
                    )
                )
