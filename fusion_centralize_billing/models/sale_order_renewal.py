# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..api.errors import BusinessRuleError
from .billing_usage_change import Change
from .sale_order_life import RUNNING_STATES


class SaleOrder(models.Model):
    """Renewals: an order takes over the subscription of another one, and the source app notices nothing.

    The old order is billed to its last day, with the usage of its time. The new one has the service, external id,
    plan code, time zone and minimum, and its first period begins where the old one ends. Counters find the order of
    their time, whichever order's id they name.
    """

    _inherit = "sale.order"

    # === FIELDS === #

    x_fc_predecessor_id = fields.Many2one(
        "sale.order",
        string="Continues",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        help="The order whose subscription this one has taken over, as its renewal.",
    )
    x_fc_successor_id = fields.Many2one(
        "sale.order",
        string="Continued By",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        help="The order that has taken over the subscription, as its renewal.",
    )
    x_fc_taken_over_on = fields.Date(
        string="Continued From", readonly=True, copy=False, help="Usage from this day on belongs to this order."
    )

    # === BUSINESS === #

    def _get_renewal_values(self):
        """Let the order of a renewal have what names the subscription; its external id moves when it starts."""
        # sudo: whoever renews need not read services.
        order = self.sudo()
        return {
            **super()._get_renewal_values(),
            "x_fc_service_id": order.x_fc_service_id.id,
            "x_fc_plan_code": order.x_fc_plan_code,
            "x_fc_billing_tz": order.x_fc_billing_tz,
            "x_fc_minimum_commitment": order.x_fc_minimum_commitment,
            **{name: order[name] for name in self._edition_get_order_terms().values()},
        }

    def _fc_take_over(self, is_reopened=False):
        """Continue the subscription of the order that this one renews, and tell whether it renews one.

        :param is_reopened: whether this order had ended; what it had renewed may run again
        """
        self.ensure_one()
        # sudo: whoever confirms the renewal need not be allowed to write what only code writes.
        new = self.sudo()
        old = new._edition_get_renewed()
        if new.x_fc_predecessor_id:
            return True
        if is_reopened and old.subscription_state in RUNNING_STATES:
            return False
        if not old or old.x_fc_successor_id or not new._fc_can_continue(old):
            return False
        (old | new)._fc_lock()
        day = new._fc_get_first_day_after(old)
        external_id = old.x_fc_external_id or new.x_fc_external_id
        # What was closed and billed before it was renewed stays so: nobody used it in between.
        is_closed = old.x_fc_ended_on and old.x_fc_billed_until and old.x_fc_billed_until >= old.x_fc_ended_on
        ended_on = old.x_fc_ended_on if is_closed else day
        old.write({"x_fc_successor_id": new.id, "x_fc_external_id": False, "x_fc_ended_on": ended_on})
        old.flush_recordset(["x_fc_external_id"])
        new.write(
            {
                "x_fc_predecessor_id": old.id,
                "x_fc_taken_over_on": day,
                "x_fc_billed_until": day,
                "x_fc_external_id": external_id,
                # Renewed without _get_renewal_values, it lacks them.
                "x_fc_service_id": (new.x_fc_service_id or old.x_fc_service_id).id,
                "x_fc_account_link_id": old.x_fc_account_link_id.id,
                "x_fc_plan_code": new.x_fc_plan_code or old.x_fc_plan_code,
            }
        )
        if new.x_fc_billing_tz != old.x_fc_billing_tz:
            # Periods meet only if their days begin at the same instant. By SQL: a running order's zone is fixed.
            new._fc_copy_time_zone(old)
        new._fc_take_usage(old, day)
        # Whatever metric it was of: both orders are rated anew from that day on.
        first = new._fc_start_of(day)
        change = Change(None, first, first)
        self.env["fusion.billing.usage.change"]._append([(old.id, change), (new.id, change)])
        old._schedule_rating()
        return True

    def _fc_take_back(self):
        """Go on with the subscription that another order had taken over: its renewal was cancelled.

        :raises BusinessRuleError: ``renewal_billed`` if the other order has billed usage, or was renewed itself
        """
        successor = self.x_fc_successor_id
        if not successor:
            return
        if successor.x_fc_successor_id or successor.x_fc_rating_ids.filtered(
            lambda row: row.state == "billed" and row.amount
        ):
            raise BusinessRuleError(
                self.env._("%s has taken over the subscription, and billed usage or was renewed.", successor.name),
                code="renewal_billed",
            )
        (self | successor)._fc_lock()
        successor.x_fc_rating_ids.filtered(lambda row: row.state == "open")._forget()
        external_id = successor.x_fc_external_id
        successor.write({"x_fc_predecessor_id": False, "x_fc_taken_over_on": False, "x_fc_external_id": False})
        successor.flush_recordset(["x_fc_external_id"])
        self.write({"x_fc_successor_id": False, "x_fc_external_id": external_id})
        self._fc_take_usage(successor, self.start_date)

    def _fc_get_order_on(self, day):
        """Return the order, this one or one that it continues, whose time holds a day."""
        order = self
        while order.x_fc_predecessor_id and day < order.x_fc_taken_over_on:
            order = order.x_fc_predecessor_id
        return order

    def _fc_get_latest(self):
        """Return the order that continues this one now, or itself."""
        order = self
        while order.x_fc_successor_id:
            order = order.x_fc_successor_id
        return order

    def _fc_clip(self, start, end):
        """Return the part of [start, end) that belongs to this order, or None: others have the time around it."""
        if self.x_fc_predecessor_id:
            start = max(start, self._fc_start_of(self.x_fc_taken_over_on))
        if self.x_fc_successor_id:
            end = min(end, self._fc_start_of(self.x_fc_ended_on))
        return (start, end) if start < end else None

    def _fc_get_first_id(self):
        """Return the id by which services know the subscription: that of the order with which it began."""
        order = self
        while order.x_fc_predecessor_id:
            order = order.x_fc_predecessor_id
        return order.id

    def _fc_get_external_id(self):
        """Return the external id of the subscription, which the order has that continues it, or None."""
        return self._fc_get_latest().x_fc_external_id or None

    def _fc_get_lives(self):
        """Return this order with all that it continues and that continue it: one subscription to its source app."""
        orders = order = self._fc_get_latest()
        while order.x_fc_predecessor_id:
            order = order.x_fc_predecessor_id
            orders |= order
        return orders

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        chain = {"x_fc_predecessor_id", "x_fc_successor_id", "x_fc_taken_over_on"}
        return super()._fc_get_guarded_fields() | chain

    def _fc_can_continue(self, old):
        """Tell whether this order can have the subscription of another one: of its company, customer and service.

        With it come the usage, its price and the name by which the service knows it.
        """
        service = self.x_fc_service_id
        is_same_service = not service or service == old.x_fc_service_id
        return (
            self.company_id == old.company_id
            and self.partner_id.commercial_partner_id == old.partner_id.commercial_partner_id
            and (is_same_service or not (old.x_fc_service_id or old._fc_has_usage_of_others(service.id)))
        )

    def _fc_check_renewal(self):
        """Refuse a renewal that cannot continue a subscription that is billed."""
        for new in self.sudo():  # sudo: whoever confirms need not read services.
            old = new._edition_get_renewed()
            is_billed = old and not new.x_fc_predecessor_id and (old.x_fc_service_id or old._fc_has_usage())
            if is_billed and not old.x_fc_successor_id and not new._fc_can_continue(old):
                raise UserError(
                    self.env._(
                        "%(new)s renews %(old)s, but has another customer, service or company. Close %(old)s and open "
                        "another subscription instead.",
                        new=new.name,
                        old=old.name,
                    )
                )

    def _fc_get_first_day_after(self, old):
        """Return the day on which this order takes over: its start, if that lies in the time that is not billed yet."""
        reached = old.x_fc_billed_until or old.start_date
        if self.start_date and (not reached or self.start_date > reached):
            return self.start_date
        return max(filter(None, (reached, old.next_invoice_date)), default=self._fc_get_today())

    def _fc_copy_time_zone(self, old):
        self.flush_recordset(["x_fc_billing_tz"])
        self.env.cr.execute(
            SQL("UPDATE sale_order SET x_fc_billing_tz = %s WHERE id = %s", old.x_fc_billing_tz or None, self.id)
        )
        self.invalidate_recordset(["x_fc_billing_tz"])

    @api.model
    def _fc_get_with_last_period_over(self):
        """Return renewed orders whose last period is over and not closed: renewed ahead of time, they have no end."""
        self.flush_model(["subscription_state", "x_fc_ended_on", "x_fc_billed_until"])
        rows = self.env.execute_query(
            SQL(
                "SELECT id FROM sale_order WHERE subscription_state = '5_renewed' AND state = 'sale'"
                " AND x_fc_successor_id IS NOT NULL AND COALESCE(x_fc_billed_until, start_date) < x_fc_ended_on"
                " AND x_fc_ended_on <= %s ORDER BY id",
                self._get_latest_subscription_today(),
            )
        )
        failing = self.env["queue.job"]._fc_get_failing_keys("_job_rate")
        orders = self.browse(order_id for [order_id] in rows)
        return orders.filtered(
            lambda order: (
                not order._fc_waits_for_last_period()
                and not order.sudo().x_fc_attention_ids
                and order._fc_get_rating_identity_key() not in failing
            )
        )

    def _fc_pass_on_usage(self):
        """Give later counters to the order that continues this one: some were under way when it took over."""
        successor = self.sudo().x_fc_successor_id
        if successor and successor._fc_take_usage(self, successor.x_fc_taken_over_on):
            now = fields.Datetime.now()
            self.env["fusion.billing.usage.change"]._append([(successor.id, Change(None, now, now))])

    def _fc_take_usage(self, other, day):
        """Move to this order the counters of another one from a day on; return how many they are."""
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                "UPDATE fusion_billing_usage SET subscription_id = %s"
                " WHERE subscription_id = %s AND attributed_at >= %s RETURNING id",
                self.id,
                other.id,
                self._fc_start_of(day),
            )
        )
        if rows:
            self.env.cr.execute(
                SQL(
                    "UPDATE fusion_billing_usage_history SET subscription_id = %s WHERE usage_id IN %s",
                    self.id,
                    tuple(usage_id for [usage_id] in rows),
                )
            )
            self.env.invalidate_all()
        return len(rows)
