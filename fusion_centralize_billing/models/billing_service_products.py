# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import fields, models
from odoo.fields import Domain

from ..api.errors import NotFoundError


class ProductTemplate(models.Model):
    _inherit = "product.template"

    # === FIELDS === #

    x_fc_for_services = fields.Boolean(
        string="For Billing Services",
        help="Billing services that may sell marked products only put it on the subscriptions that they open.",
    )


class BillingService(models.Model):
    """Which products a service may put on the subscriptions that it opens."""

    _inherit = "fusion.billing.service"

    # === FIELDS === #

    product_access = fields.Selection(
        [
            ("saleable", "Any Saleable Product"),
            ("catalogue", "Those of Its Catalogue"),
            ("marked", "Those of Its Catalogue, and Marked Ones"),
        ],
        string="Products on Subscriptions",
        required=True,
        default="saleable",
        tracking=True,
        help="What the service may name as lines when it opens a subscription. Its catalogue are the products of its "
        "own plans and of those for all services. Products of another service's own plans are never among them. A "
        "product is marked on its form.",
    )

    # === HELPERS === #

    def _check_products(self, lines):
        """Refuse a product that the service may not sell as if there were none: its price is none of its business."""
        # sudo: services see no products.
        products = self.sudo().env["product.product"]
        named = Domain("id", "in", [line.product_id for line in lines])
        allowed = set(products.search(named & self._get_product_domain()).ids) if lines else set()
        for index, line in enumerate(lines):
            if line.product_id not in allowed:
                raise NotFoundError(
                    self.env._("There is no product %s for sale.", line.product_id),
                    code="product_not_found",
                    path=f"lines.{index}.product_id",
                )

    def _get_product_domain(self):
        # sudo: what belongs to others is what the service does not see.
        service = self.sudo()
        catalogue = Domain("id", "in", service._get_catalogue_products().ids)
        others = Domain("product_tmpl_id", "in", service._get_products_of_others().product_tmpl_id.ids)
        beside = {
            "saleable": ~others,
            "catalogue": Domain.FALSE,
            "marked": ~others & Domain("product_tmpl_id.x_fc_for_services", "=", True),
        }
        for_sale = Domain("sale_ok", "=", True) & Domain("company_id", "in", [False, service.company_id.id])
        return for_sale & (catalogue | beside[service.product_access])

    def _get_catalogue_products(self):
        """Return the products of the plans and charges that the service may sell; archived ones are still its own."""
        of_company = Domain("company_id", "=", self.company_id.id)
        plans = self._get_plans(of_company & Domain("service_id", "in", [False, self.id]))
        without_plan = self.env["fusion.billing.charge"].search(of_company & Domain("billing_plan_id", "=", False))
        return _get_products(plans) | without_plan.product_id

    def _get_products_of_others(self):
        return _get_products(self._get_plans(Domain("service_id", "not in", [False, self.id])))

    def _get_plans(self, domain):
        return self.env["fusion.billing.plan"].with_context(active_test=False).search(domain)


def _get_products(plans):
    return plans.product_id | plans.commitment_product_id | plans.charge_ids.product_id
