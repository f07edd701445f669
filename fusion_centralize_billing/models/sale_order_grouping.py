# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import models
from odoo.fields import Command

from .sale_order_attention import MENDABLE, is_mendable


class _TriedError(Exception):
    """Ends the savepoint in which an invoice is tried, so that nothing of it stays."""


class SaleOrder(models.Model):
    """Which subscriptions share an invoice, and how that tells them apart.

    Those of one customer and service, by the rule of the service or its company. All that an invoice says or is paid
    by once they have in common: see ``_get_invoice_group_key``. Community asks for that key itself and makes the
    invoices of a group together; Enterprise hands several orders to ``_create_invoices`` if it consolidates, and the
    grouping keys decide.
    """

    _inherit = "sale.order"

    # === BUSINESS === #

    def _get_invoice_group_key(self):
        """Return what subscriptions that share an invoice have in common, or None for one that is alone.

        What people have to mend first, or what has a payment of its own under way, is alone. So are subscriptions
        whose partner is several customers of the service: it could not tell whose the invoice is.
        """
        self.ensure_one()
        # sudo: whoever invoices need not read services, plans and tokens.
        order = self.sudo()
        rule = order.x_fc_service_id.invoice_grouping or order.company_id.x_fc_invoice_grouping
        if rule != "customer" or not order._fc_is_rated() or order._fc_is_invoiced_alone():
            return None
        shared = (
            *("company_id", "x_fc_service_id", "x_fc_account_link_id"),
            *("partner_id", "partner_invoice_id", "partner_shipping_id"),
            *("currency_id", "fiscal_position_id", "payment_term_id", "journal_id", "preferred_payment_method_line_id"),
        )
        plan = order._fc_get_catalog_plan()
        payment = (tuple(plan._get_payment_retry_days()), plan.payment_failure_action)
        return (
            *(order[name].id for name in shared),
            order.x_fc_billing_tz,
            order.note or None,
            payment if plan.automatic_payment else None,
            tuple(order._fc_get_chosen_tokens().ids),
        )

    def _invoice_group(self, group):
        """Leave out of a group whom a mendable fault keeps from being invoiced: its own job notes that.

        Community's job calls this. If the rest cannot be invoiced together either, each is invoiced by its own job.
        """
        if group != self:
            try:
                with self.env.cr.savepoint():
                    return super()._invoice_group(group)
            except MENDABLE as error:
                if not is_mendable(error):
                    raise
            able = group.filtered(lambda order: order._fc_can_be_invoiced())
            is_left_out = self in group and self not in able
            group = self if not able or able == group or is_left_out else able
        return super()._invoice_group(group)

    def _prepare_invoice(self):
        """Tell Odoo's grouping which invoices of subscriptions may become one: by this key, all others by theirs."""
        values = super()._prepare_invoice()
        values["x_fc_invoice_group"] = self._fc_get_invoice_group() if self.is_subscription else ""
        return values

    def _get_invoice_grouping_keys(self):
        return [*super()._get_invoice_grouping_keys(), "x_fc_invoice_group"]

    def _create_account_invoices(self, invoice_vals_list, final):
        """Let an invoice of several subscriptions say whose each line is."""
        for values in invoice_vals_list:
            ids = [vals.get("x_fc_subscription_id") for _command, _id, vals in values["invoice_line_ids"]]
            orders = self.browse(dict.fromkeys(id_ for id_ in ids if id_))
            if len(orders) > 1:
                values.update(orders._fc_prepare_shared_invoice(values["invoice_line_ids"]))
        return super()._create_account_invoices(invoice_vals_list, final)

    # === HELPERS === #

    def _fc_is_invoiced_alone(self):
        links = self.partner_id.x_fc_account_link_ids
        return (
            len(links.filtered(lambda link: self.x_fc_service_id and link.service_id == self.x_fc_service_id)) > 1
            or {"rating", "invoicing"} & set(self.x_fc_attention_ids.mapped("step"))
            or self.transaction_ids.filtered(
                lambda tx: (
                    tx.state in ("pending", "authorized") or (tx.state == "done" and not tx.payment_id.is_reconciled)
                )
            )
        )

    def _fc_get_invoice_group(self):
        """Return the text by which Odoo groups: group and boundary, or the subscription itself.

        Invoices that close a period and those of fees in advance alone do not become one.
        """
        key, boundary = self._get_invoice_group_key(), self._fc_get_due_boundary()
        days = self._fc_get_invoiced_days()
        if key is None or not days:
            return f"subscription {self.id}"
        return f"{key} {'until' if boundary else 'from'} {boundary or days[0]}"

    def _fc_can_be_invoiced(self):
        """Tell whether a due subscription can be invoiced by itself, by trying it."""
        try:
            with self.env.cr.savepoint():
                self._invoice_group(self)
                raise _TriedError
        except _TriedError:
            return True
        except MENDABLE as error:
            if not is_mendable(error):
                raise
            return False

    def _fc_prepare_shared_invoice(self, commands):
        """Return the values of an invoice of these subscriptions: whose it is, its days, and a section for each.

        Sections of an order become subsections of its own. The days are those of all, if they agree.

        :param commands: the creations of the invoice's lines, those of one subscription after the other
        """
        days = {order._fc_get_invoiced_days() or (False, False) for order in self}
        start, end = days.pop() if len(days) == 1 else (False, False)
        lines, current = [], None
        for _command, _id, vals in commands:
            order = self.browse(vals.get("x_fc_subscription_id")) or current
            if order != current:
                lines.append(order._fc_prepare_section())
                current = order
            if vals.get("display_type") == "line_section":
                vals = {**vals, "display_type": "line_subsection"}
            lines.append({**vals, "x_fc_subscription_id": current.id})
        return {
            "x_fc_subscription_ids": [Command.set(self.ids)],
            "x_fc_period_start": start,
            "x_fc_period_end": end,
            "invoice_line_ids": [
                Command.create({**vals, "sequence": sequence}) for sequence, vals in enumerate(lines, start=1)
            ],
        }

    def _fc_prepare_section(self):
        env = self.with_context(lang=self.partner_invoice_id.lang or self.env.lang).env
        name = env._("Subscription %s", self.x_fc_external_id or self.name)
        if self.x_fc_external_id:
            name = env._("Subscription %(external_id)s (%(order)s)", external_id=self.x_fc_external_id, order=self.name)
        return {"display_type": "line_section", "name": name, "x_fc_subscription_id": self.id}


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    def _prepare_invoice_line(self, **optional_values):
        """Tell the invoice line whose subscription it bills."""
        values = super()._prepare_invoice_line(**optional_values)
        if self.order_id.is_subscription:
            values["x_fc_subscription_id"] = self.order_id.id
        return values
