# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from contextlib import contextmanager

from odoo import api, models
from odoo.exceptions import UserError

from .changes import get_changes


class BillingPlan(models.Model):
    """A plan keeps the currency in which its subscriptions run: they could not be rated in another one."""

    _inherit = "fusion.billing.plan"

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        plans = super().create(vals_list)
        for plan in plans:
            # Until now charges of its code were priced in the company's currency.
            plan._check_currency_of_subscriptions(plan.company_id.currency_id)
        return plans

    def write(self, vals):
        moved = self.filtered(lambda plan: get_changes(plan, vals, ["code", "company_id"]))
        with (self - moved)._keeping_currency():
            result = super().write(vals)
        for plan in moved:
            plan._check_currency_of_subscriptions(plan.company_id.currency_id)
        return result

    # === HELPERS === #

    @contextmanager
    def _keeping_currency(self):
        """Refuse what the block does if subscriptions of these plans could not be rated any more."""
        before = {plan: plan.currency_id for plan in self}
        yield
        for plan, currency in before.items():
            plan._check_currency_of_subscriptions(currency)

    def _check_currency_of_subscriptions(self, former):
        """Refuse the plan's currency if subscriptions run in the one that its charges had before."""
        self.ensure_one()
        if self.currency_id == former:
            return
        running = self._get_running_subscriptions().filtered(lambda order: order.currency_id == former)
        if running:
            raise UserError(
                self.env._(
                    "%(plan)s has subscriptions in %(former)s (%(order)s, for one), so its prices cannot turn into "
                    "%(currency)s. Copy the plan and give the copy another pricelist.",
                    plan=self.name,
                    former=former.name,
                    order=running[0].name,
                    currency=self.currency_id.name,
                )
            )


class ProductPricelist(models.Model):
    _inherit = "product.pricelist"

    def write(self, vals):
        if "currency_id" not in vals:
            return super().write(vals)
        # sudo: plans count whoever changes a pricelist.
        catalog = self.env["fusion.billing.plan"].sudo().with_context(active_test=False)
        with catalog.search([("pricelist_id", "in", self.ids)])._keeping_currency():
            return super().write(vals)


class ResCompany(models.Model):
    _inherit = "res.company"

    def write(self, vals):
        if "currency_id" not in vals:
            return super().write(vals)
        # sudo: as for pricelists.
        catalog = self.env["fusion.billing.plan"].sudo().with_context(active_test=False)
        with catalog.search([("company_id", "in", self.ids), ("pricelist_id", "=", False)])._keeping_currency():
            return super().write(vals)
