# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import ConcurrencyError, UserError
from odoo.fields import Domain
from odoo.tools import SQL, split_every

from ..due_invoice import DueInvoice
from ..jobs import repeated_on_conflict

# States in which periods are invoiced; a churned subscription until its last period is
INVOICED_STATES = ("3_progress", "6_churn")
CRON_BATCH_SIZE = 500
# A subscription whose job failed is tried again after this long
RETRY_FAILURE_AFTER = timedelta(days=1)
# Context key: whether down payments are deducted and lowered quantities credited, as people have chosen
_DEDUCTS = "fusion_subscription_deducts"


class SaleOrder(models.Model):
    """Invoicing of subscriptions: every due period exactly once, whoever asks for the invoice."""

    _inherit = "sale.order"

    # === FIELDS === #

    x_fc_has_due_period = fields.Boolean(
        string="Period Due",
        compute="_compute_x_fc_has_due_period",
        help="A period, a fee in advance, or what is left after the end, is due and not invoiced.",
    )

    # === COMPUTE === #

    @api.depends(
        "is_subscription", "state", "subscription_state", "x_fc_invoice_on", "x_fc_fee_due_on", "x_fc_rest_due_on"
    )
    @api.depends_context("fusion_subscription_today")
    def _compute_x_fc_has_due_period(self):
        for order in self:
            order.x_fc_has_due_period = bool(order._get_due_invoice())

    # === BUSINESS === #

    def _create_invoices(self, grouped=False, final=False, date=None):
        """Invoice what is due of each subscription, its one-off lines included; those of one group together.

        The oldest due period is recorded and the next invoice date moves on in the same transaction. Fees
        in advance of earlier days get invoices of their own before it. Is only a fee due, only that is invoiced.
        Ordinary orders are invoiced as ever.

        :param grouped: True for an invoice of its own for each order, as people may choose
        """
        subscriptions = self.filtered(lambda order: order.is_subscription and order.state == "sale")
        if not subscriptions:
            return super()._create_invoices(grouped=grouped, final=final, date=date)
        subscriptions.check_access("write")
        subscriptions._lock_subscriptions()
        due = subscriptions.filtered(lambda order: order._get_due_invoice())

        quiet_self = self.with_context(raise_if_nothing_to_invoice=False)
        ordinary = quiet_self - subscriptions
        moves = self.env["account.move"]
        if ordinary:
            moves |= super(SaleOrder, ordinary)._create_invoices(grouped=grouped, final=final, date=date)
        moves |= (quiet_self & subscriptions)._create_subscription_invoices(final, apart=grouped)
        if not moves and not due and self.env.context.get("raise_if_nothing_to_invoice", True):
            raise UserError(self._nothing_to_invoice_error_message())
        return moves

    def _create_subscription_invoices(self, final, apart):
        """Invoice what is due of locked subscriptions up to the oldest due period of each, or only one-off lines."""
        moves = self.env["account.move"]
        dues = {}
        for order in self:
            if due := order._get_due_invoice():
                dues[order] = due
            else:
                moves |= order._create_undated_invoice(final)
        keys = {order: None if apart else order._get_invoice_group_key() for order in dues}
        while dues:
            group = self._get_first_group(dues, keys)
            made = {order: dues.pop(order) for order in group}
            moves |= group._create_due_invoices(made, final)
            for order, due in made.items():
                following = not due.period and not due.is_rest and order._get_due_invoice()
                if following:
                    dues[order] = following
        return moves

    def _create_undated_invoice(self, final):
        """Invoice the one-off lines of a subscription of which nothing is due."""
        self.ensure_one()
        moves = super()._create_invoices(grouped=True, final=final)
        self._check_still_due(None)
        return moves

    def _create_due_invoices(self, dues, final):
        """Create and record the due invoice of a group; of those without any amount it is recorded only.

        :param dues: {order: DueInvoice}, all with one date
        """
        for order, due in dues.items():
            if due.period:
                order._prepare_due_period(*due.period)
            order._open_due_fees(due)
        moves = self.env["account.move"]
        billed = self.filtered(lambda order: order._has_amount_to_invoice(final))
        if billed:
            # Discounts and credits are part of the fee, also for those who leave other negative amounts for later
            has_negative = any(fee.amount < 0 for fee in billed._get_open_fees())
            orders = billed.with_context(**{_DEDUCTS: final})
            moves = super(SaleOrder, orders)._create_invoices(grouped=len(orders) == 1, final=final or has_negative)
        for order, due in dues.items():
            if not due.is_rest:
                order._check_still_due(due)
            own = moves.filtered(lambda move, order=order: order.id in move.line_ids.sale_line_ids.order_id.ids)
            order._record_due_fees(due, own)
            if due.period:
                order._record_period(*due.period, own)
            order._close_if_completed()
        return moves

    def _check_still_due(self, due):
        if self._get_due_invoice() != due:
            raise ConcurrencyError("The day changed while the subscription was invoiced: try again.")

    def _create_account_invoices(self, invoice_vals_list, final):
        """Date the invoice of a period on its boundary plus the grace period, that of a fee on its first day.

        Without payment terms it is due on that day, too; Odoo would take the day on which it is made.
        """
        # Of a group the due invoices of all have one date
        due = self[:1] and self[:1]._get_due_invoice()
        if due:
            for invoice_vals in invoice_vals_list:
                invoice_vals["invoice_date"] = due.day
                if not invoice_vals.get("invoice_payment_term_id"):
                    invoice_vals["invoice_date_due"] = due.day
        return super()._create_account_invoices(invoice_vals_list, final)

    def _get_invoiceable_lines(self, final=False):
        """Add the recurring lines of the due invoice, at their place among sections and notes.

        An invoice of fees in advance has nothing but these.
        """
        lines = super()._get_invoiceable_lines(self.env.context.get(_DEDUCTS, final))
        due = len(self) == 1 and self._get_due_invoice()
        if not due:
            return lines
        open_fees = self._get_open_fees()
        recurring = self.order_line.filtered(lambda line: line.id in open_fees.order_line_id.ids)
        if not due.period and not due.is_rest:
            lines = self.env["sale.order.line"]
        if not recurring:
            return lines
        sections = recurring.parent_id | recurring.parent_id.parent_id
        notes = self.order_line.filtered(lambda line: line.display_type == "line_note" and line.parent_id in sections)
        down_payments = lines.filtered("is_downpayment")
        wanted = lines | recurring | sections | notes
        return self.order_line.filtered(lambda line: line in wanted - down_payments) + down_payments

    def _create_recurring_invoice(self):
        """Invoice and post every due period and fee of the subscriptions, oldest first, those of a group together.

        :return: the posted account.move records; periods without anything to invoice have none
        """
        moves = self.env["account.move"]
        pending = self
        while pending := pending.filtered(lambda order: order._get_due_invoice()):
            oldest = pending._get_oldest_due()
            rests = oldest.filtered(lambda order: order._get_due_invoice().is_rest)
            for orders in oldest.grouped("company_id").values():
                moves |= orders._invoice_due_period()
            pending -= rests
        return moves

    def _invoice_due_period(self):
        """Invoice and post the oldest due period of subscriptions of one company, with the fees due before it."""
        orders = self.with_company(self.company_id)
        moves = orders._create_invoices(final=True)
        if moves:
            # sudo: this is the automatic run; whoever starts it need not be allowed to post invoices
            moves.sudo().action_post()
        return moves

    def _prepare_due_period(self, period_start, period_end):
        """Hook: complete the order lines (e.g. with usage) before the due period is invoiced.

        Called once per period with the row of the order locked.
        """

    def _prepare_subscription_period_values(self, period_start, period_end, moves):
        """Prepare the record of a billed period.

        :param moves: its invoice or credit note, empty if there was nothing to invoice
        """
        self.ensure_one()
        return {
            "order_id": self.id,
            "period_start": period_start,
            "period_end": period_end,
            "invoice_id": moves[:1].id,
        }

    # === JOBS === #

    @api.model
    def _cron_create_recurring_invoices(self):
        """Enqueue one job for each subscription with a due period or fee, or a reached end.

        A subscription whose job failed is tried again a day later, or when somebody requeues or closes that job:
        each failure is a mail to all who manage the queue.
        """
        due = self.search(self._get_due_subscriptions_domain(), order="next_invoice_date, id")
        due = due.filtered(lambda order: order._get_due_invoice() or order._has_end_to_reach())
        due -= due._get_with_failed_job(since=fields.Datetime.now() - RETRY_FAILURE_AFTER)
        self.env["ir.cron"]._commit_progress(remaining=len(due))
        for batch_ids in split_every(CRON_BATCH_SIZE, due.ids):
            self.browse(batch_ids)._schedule_recurring_invoice()
            if not self.env["ir.cron"]._commit_progress(processed=len(batch_ids)):
                break

    def _schedule_recurring_invoice(self):
        """Enqueue the invoicing job of each subscription, unless it waits already."""
        for order in self:
            # sudo: the job posts invoices, whoever caused it
            order.sudo().with_company(order.company_id).with_delay(
                description=self.env._("Invoice subscription %s", order.name),
                identity_key=order._get_invoicing_identity_key(),
            )._job_create_recurring_invoice()

    @repeated_on_conflict
    def _job_create_recurring_invoice(self):
        """Invoice the oldest due period of the group, then go on with what follows in jobs of their own.

        Runs as often as wanted: what is invoiced is not due any more, also if the job of another one of the group
        has done it. The group is looked for before the rows are locked, since all are locked in one order; both see
        one snapshot, and a row that was changed since cannot be locked.
        """
        order = self.exists()
        if not order:
            return self.env._("The order does not exist any more.")
        group = order._find_invoice_group()
        group._lock_subscriptions()
        return order._attempt_job("invoicing", lambda: order._invoice_next_due(group))

    def _attempt_job(self, step, work):
        """Hook: do the work of a job for one locked subscription, and return its result.

        An addon may keep a fault that people can mend from failing the job, if it shows it and tries again.
        """
        return work()

    # === HELPERS === #

    def _invoice_next_due(self, group):
        self._close_if_ended_while_paused()
        if not self._get_due_invoice():
            self._close_if_completed()
            return self.env._("Nothing is due.")
        moves = self._invoice_group(group._get_oldest_due())
        group.filtered(lambda order: order._get_due_invoice())._schedule_recurring_invoice()
        return self.env._("Invoiced: %s", ", ".join(moves.mapped("name")))

    def _get_due_period(self):
        """Return the oldest period that is due and not invoiced, as (start, end), or None.

        It is due on its boundary plus the grace period.
        """
        self.ensure_one()
        if not self._is_invoiced() or not self._is_reached(self.x_fc_invoice_on):
            return None
        return self._get_period_start(), self.next_invoice_date

    def _get_due_invoice(self):
        """Return the oldest invoice that is due and not made, as a DueInvoice, or None.

        Its hooks (_get_invoiceable_lines, _prepare_invoice, ...) may ask for it while it is being made.
        """
        self.ensure_one()
        if not self._is_invoiced():
            return None
        days = [day for day in (self.x_fc_fee_due_on, self.x_fc_invoice_on) if day]
        if not days and self._is_reached(self.x_fc_rest_due_on):
            return DueInvoice(self._get_subscription_today(), None, None, ends_fees=False, is_rest=True)
        if not days or not self._is_reached(min(days)):
            return None
        day = min(days)
        period = (self._get_period_start(), self.next_invoice_date) if self.x_fc_invoice_on == day else None
        fee = self._get_next_fee_days() if self.x_fc_fee_due_on == day else None
        closes_last_period = not period or period[1] == self.end_date
        return DueInvoice(day, period, fee, bool(not fee and closes_last_period and self._has_unused_fee_days()))

    def _is_invoiced(self):
        return self.is_subscription and self.state == "sale" and self.subscription_state in INVOICED_STATES

    def _is_reached(self, day):
        return bool(day and day <= self._get_subscription_today())

    @api.model
    def _get_due_subscriptions_domain(self):
        today = self._get_latest_subscription_today()
        days = ("x_fc_invoice_on", "x_fc_fee_due_on", "x_fc_rest_due_on")
        reached = Domain.OR(Domain(day, "<=", today) for day in days)
        due = Domain("subscription_state", "in", INVOICED_STATES) & reached
        ended = Domain("subscription_state", "in", ("3_progress", "4_paused")) & Domain("end_date", "<=", today)
        return Domain("is_subscription", "=", True) & Domain("state", "=", "sale") & (due | ended)

    def _has_amount_to_invoice(self, final):
        if any(fee.amount for fee in self._get_open_fees()):
            return True
        # not the subtotal: it is zero on lines invoiced by delivered quantity
        lines = self._get_invoiceable_lines(final).filtered(lambda line: not line.display_type)
        return any(line._get_discounted_price() for line in lines)

    def _record_period(self, period_start, period_end, moves):
        values = self._prepare_subscription_period_values(period_start, period_end, moves)
        # sudo: nobody writes billed periods by hand, nor the day up to which they reach
        self.env["fusion.subscription.period"].sudo().create(values)
        self.sudo().last_invoice_date = period_end

    def _close_if_completed(self):
        """Close a subscription whose end is reached and of which nothing is due.

        Its last period is invoiced, or waits for the grace period only.
        """
        if self.subscription_state == "3_progress" and self._is_reached(self.end_date) and not self._get_due_invoice():
            self._set_subscription_state("6_churn")

    def _has_end_to_reach(self):
        return self.subscription_state != "6_churn" and self._is_reached(self.end_date)

    def _close_if_ended_while_paused(self):
        if self.subscription_state == "4_paused" and self._is_reached(self.end_date):
            self._end_subscription(self.end_date)

    def _lock_subscriptions(self):
        """Lock the order rows until the end of the transaction.

        By writing the rows, not only locking them: who comes late gets a serialization failure, is run again,
        and sees what was done, even if that left the order as it was. References to the rows (order lines,
        usage) are not blocked.
        """
        if self:
            self.env.cr.execute(
                SQL(
                    """
                    WITH locked AS (SELECT id FROM sale_order WHERE id IN %s ORDER BY id FOR NO KEY UPDATE)
                    UPDATE sale_order SET write_date = write_date FROM locked WHERE sale_order.id = locked.id
                    """,
                    tuple(self.ids),
                ),
                log_exceptions=False,
            )

    def _get_invoicing_identity_key(self):
        self.ensure_one()
        return f"fusion_subscription.recurring_invoice.{self.id}"

    def _get_with_failed_job(self, since=None):
        """Return those whose job failed and was not made up for.

        :param since: only if it was run after this instant
        """
        keys = {order._get_invoicing_identity_key(): order.id for order in self}
        domain = [("state", "=", "failed"), ("method_name", "=", "_job_create_recurring_invoice")]
        # sudo: the queue is open to its managers only
        failed = self.env["queue.job"].sudo().search(domain)
        if since:
            failed = failed.filtered(lambda job: (job.date_started or job.date_enqueued or job.date_created) > since)
        return self.browse({keys[job.identity_key] for job in failed if job.identity_key in keys})
