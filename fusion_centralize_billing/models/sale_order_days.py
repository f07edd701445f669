# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import datetime

from odoo import api, fields, models
from odoo.addons.base.models.res_partner import _tz_get
from odoo.exceptions import UserError

from ..rating import day_of, start_of_day
from .changes import get_changes
from .usage_row import naive_utc

#: Context key: the day that counts as today, in a preview that is rolled back. Both editions know it.
TODAY = "fusion_subscription_today"
#: Fourteen hours ahead of UTC: each day begins here first.
_FIRST_ZONE = "Pacific/Kiritimati"


class SaleOrder(models.Model):
    """The days of a subscription: billing periods are whole days of its time zone, and their instants follow."""

    _inherit = "sale.order"

    # === FIELDS === #

    x_fc_billing_tz = fields.Selection(
        _tz_get,
        string="Billing Time Zone",
        compute="_compute_x_fc_billing_tz",
        store=True,
        readonly=False,
        copy=False,
        help="Billing periods begin and end at midnight of this time zone. That of the plan, the service or the"
        " company, in this order; fixed once the subscription has started.",
    )

    # === COMPUTE === #

    @api.depends("x_fc_service_id", "x_fc_plan_code", "company_id")
    def _compute_x_fc_billing_tz(self):
        for order in self:
            if order.state not in ("draft", "sent") and order.x_fc_billing_tz:
                order.x_fc_billing_tz = order.x_fc_billing_tz
                continue
            # sudo: whoever opens the subscription need not read catalogue, services and companies.
            plan, sudo = order._fc_get_catalog_plan(), order.sudo()
            zone = plan.billing_tz or sudo.x_fc_service_id.billing_tz or sudo.company_id._fc_get_billing_tz()
            order.x_fc_billing_tz = zone

    # === CRUD === #

    def write(self, vals):
        if "x_fc_billing_tz" in vals:
            self._fc_check_billing_tz_kept(vals)
        return super().write(vals)

    # === BUSINESS === #

    def _fc_start_of(self, day):
        """Return the first instant of a day of this subscription, naive and in UTC."""
        return start_of_day(day, self.x_fc_billing_tz or "UTC")

    def _fc_day_of(self, instant):
        """Return the day of this subscription that holds an instant (naive, UTC)."""
        return day_of(instant, self.x_fc_billing_tz or "UTC")

    def _fc_last_day_of(self, period_end):
        """Return the last day of a period that ends before an instant."""
        return self._fc_day_of(period_end - datetime.timedelta(microseconds=1))

    def _fc_to_instant(self, value):
        """Return a time as Odoo stores it; a day, or its text, begins at the subscription's midnight.

        :param value: datetime (aware, or naive UTC), date, or text as Odoo writes it
        """
        if isinstance(value, str) and len(value) == len("2026-01-01"):
            value = fields.Date.to_date(value)
        return self._fc_start_of(value) if type(value) is datetime.date else naive_utc(value)

    def _fc_get_today(self):
        """Return the current day of the subscription; a preview of the period's end sets another one."""
        day = self.env.context.get(TODAY)
        # Only a date: the contexts that clients send are JSON, which has none, so that nobody bills ahead of time.
        return day if type(day) is datetime.date else self._fc_day_of(fields.Datetime.now())

    def _fc_is_reached(self, day):
        """Tell whether a boundary has come."""
        return self._edition_is_reached(day)

    def _get_subscription_today(self):
        """Community's subscriptions ask for their day: it is that of their time zone."""
        return self._fc_get_today() if len(self) == 1 else super()._get_subscription_today()

    @api.model
    def _get_latest_subscription_today(self):
        """Community's subscriptions look for what is due: no zone has a later day than the first one to see it."""
        return day_of(fields.Datetime.now(), _FIRST_ZONE)

    # === HELPERS === #

    def _fc_check_billing_tz_kept(self, vals):
        """Refuse another time zone once the subscription has started: its periods would move."""
        for order in self:
            if order.state not in ("draft", "sent") and get_changes(order, vals, ["x_fc_billing_tz"]):
                raise UserError(self.env._("%s has started: its billing time zone cannot change.", order.name))
