# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import gc
import itertools
import logging
import math
import os
import time
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from unittest.mock import patch

from freezegun import freeze_time

from odoo.tests import tagged

from ..proof import Scope, prove
from .common import BillingCase
from .simulation.agreements import CURRENCIES, TAXES
from .simulation.expectation import FEE, get_owed
from .simulation.stage import Stage
from .simulation.story import Story

_logger = logging.getLogger(__name__)
_SUBSCRIPTIONS = int(os.environ.get("FUSION_SIMULATION_SUBSCRIPTIONS", "200"))
_QUIET = {"tracking_disable": True, "mail_create_nosubscribe": True, "mail_create_nolog": True}
_MONTHS = int(os.environ.get("FUSION_SIMULATION_MONTHS", "12"))


@tagged("post_install", "-at_install", "-standard", "fusion_simulation")
class TestSimulation(BillingCase):
    """A year of 200 subscriptions, played once; each test looks at one property of how it ends.

    Run by ``scripts/test --simulation``. FUSION_SIMULATION_SUBSCRIPTIONS and FUSION_SIMULATION_MONTHS
    make it smaller or greater.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        begun = time.process_time()
        cls.startClassPatcher(patch.object(cls.registry["ir.cron"], "_commit_progress", lambda *args, **kwargs: 1.0))
        # Without the chatter, in jobs too: it is a third of the time, and no money.
        kept = ("allowed_company_ids", *_QUIET)
        cls.startClassPatcher(
            patch.object(cls.registry["base"], "_job_prepare_context_before_enqueue_keys", lambda self: kept)
        )
        cls.env = cls.env(context={**cls.env.context, **_QUIET})
        cls.received = cls.enterClassContext(cls._receiver(cls))
        cls.story = Story(_SUBSCRIPTIONS, _MONTHS)
        freezer = freeze_time(cls.story.first_day)
        cls.addClassCleanup(freezer.stop)
        cls.stage = Stage(cls, cls.story, freezer.start())
        cls.stage.prepare()
        gc.freeze()  # Odoo's registry need not be searched for garbage again and again
        cls.addClassCleanup(gc.unfreeze)
        cls.stage.run()
        cls.orders = cls.env["sale.order"].union(*cls.stage.orders.values())
        cls.by_hand = cls.env["account.move"].browse(cls.stage.credited)
        found = cls.env["account.move"].search([("x_fc_subscription_ids", "in", cls.orders.ids)], order="id")
        cls.automatic, cls.moves = found - cls.by_hand, found | cls.by_hand
        cls._tell(time.process_time() - begun)

    @classmethod
    def _tell(cls, seconds):
        """Log what the play was; scripts/test shows it."""
        totals = defaultdict(Decimal)
        for move in cls.moves:
            totals[move.currency_id.name] += _signed(move, "amount_total")
        facts = {
            "subscriptions": len(cls.orders),
            **cls.stage.counts,
            "shared": len(cls.automatic.filtered(lambda move: len(move.x_fc_subscription_ids) > 1)),
            "invoices": len(cls.moves.filtered(lambda move: move.move_type == "out_invoice")),
            "credit notes": len(cls.automatic.filtered(lambda move: move.move_type == "out_refund")),
            "credit notes by hand": len(cls.by_hand),
            "ratings": len(cls.orders.x_fc_rating_ids),
            **{f"billed in {currency}": total for currency, total in sorted(totals.items())},
        }
        spent = sorted(cls.stage.seconds.items(), key=lambda item: -item[1])
        lines = [
            f"{_MONTHS} months in {seconds:.0f} s of processor time",
            ", ".join(f"{name}: {fact}" for name, fact in facts.items()),
            "seconds: " + ", ".join(f"{name} {each:.0f}" for name, each in spent if each >= 0.5),
        ]
        _logger.info("simulation: %s", "\n".join(lines))

    # === WHAT WAS INVOICED === #

    def test_there_was_something_to_prove(self):
        """Each kind of thing that can happen did, so that nothing here holds because nothing happened."""
        if _SUBSCRIPTIONS < 100 or _MONTHS < 12:
            self.skipTest("A small simulation need not have everything.")
        for name in ("counters", "corrections", "voids", "ends", "payments", "_job_invoice_remaining_usage"):
            self.assertTrue(self.stage.counts[name], name)
        self.assertTrue(self.by_hand)
        self.assertIn("out_refund", set(self.automatic.mapped("move_type")))
        kinds = {(row.kind, row.is_adjustment) for row in self.orders.x_fc_rating_ids}
        self.assertEqual(kinds, {(kind, late) for kind in ("usage", "commitment") for late in (False, True)})
        for term in ("proration", "fee_timing", "trial_days", "grace_days", "minimum_commitment"):
            self.assertGreater(len(set(self.orders.mapped(f"x_fc_{term}"))), 1, term)
        self.assertEqual(set(self.moves.currency_id.mapped("name")), set(CURRENCIES))

    def test_each_subscription_is_billed_what_it_owes(self):
        rise_from = self.story.prices_change_on.toordinal() + 1
        wrong, items = [], 0
        for agreement in self.story.agreements:
            owed = get_owed(agreement, self.story.settled_on, self.story.prices_change_on.fromordinal(rise_from))
            billed = self._get_billed(agreement)
            items += len(owed)
            if owed != billed:
                differences = {
                    item: (owed.get(item, 0), billed.get(item, 0))
                    for item in owed.keys() | billed.keys()
                    if owed.get(item, 0) != billed.get(item, 0)
                }
                wrong.append(f"{agreement.number} {_describe(agreement)}: (owed, billed) {differences}")
        self.assertFalse(wrong, f"{len(wrong)} of {len(self.story.agreements)}:\n" + "\n".join(wrong[:10]))
        self.assertGreater(items, len(self.story.agreements))

    def _get_billed(self, agreement):
        """Return what the invoices less the credit notes of a subscription come to, by item."""
        included = TAXES[agreement.offer.tax][1]
        billed = defaultdict(Decimal)
        order = self.stage.orders[agreement.number]
        for line in self.automatic.invoice_line_ids.filtered("product_id"):
            if line.x_fc_subscription_id == order:
                amount = line.price_total if included else line.price_subtotal
                billed[line.product_id.name] += _sign(line.move_id) * Decimal(str(amount))
        return {item: amount for item, amount in billed.items() if amount}

    def test_everything_is_posted_and_nothing_is_left_open(self):
        self.assertEqual(set(self.moves.mapped("state")), {"posted"})
        left = [
            row.display_name
            for agreement in self.story.agreements
            for row in self.stage.orders[agreement.number].x_fc_rating_ids
            if row.state == "open" and row.amount and agreement.is_closed(row.period_end.date(), self.story.settled_on)
        ]
        self.assertEqual(left, [])

    def test_no_period_is_invoiced_twice_and_none_is_left_out(self):
        for agreement in self.story.agreements:
            periods = self.stage.orders[agreement.number].x_fc_period_ids.sorted("period_start")
            for before, after in itertools.pairwise(periods):
                self.assertEqual(before.period_end, after.period_start)
            self.assertEqual(periods[:1].period_start, agreement.start if periods else False)
            if agreement.ends_on:
                self.assertEqual(periods[-1:].period_end, agreement.ends_on, _describe(agreement))

    # === THE LEDGER === #

    def test_each_billed_row_is_an_invoice_line_of_its_amount(self):
        for row in self.orders.x_fc_rating_ids.filtered(lambda row: row.state == "billed" and row.amount):
            line = row.invoice_line_id
            self.assertEqual(_sign(line.move_id) * line.price_unit * line.quantity, row.amount, row.display_name)
            self.assertEqual(line.parent_state, "posted")

    def test_each_usage_line_is_one_billed_row(self):
        lines = self.automatic.invoice_line_ids.filtered("product_id")
        lines = lines.filtered(lambda line: line.product_id.name != FEE)
        self.assertEqual({len(line.x_fc_rating_ids) for line in lines}, {1})
        self.assertEqual(set(lines.x_fc_rating_ids.mapped("state")), {"billed"})

    def test_the_rows_of_a_period_come_to_its_price(self):
        rows = self.orders.x_fc_rating_ids.filtered(lambda row: row.state == "billed")
        by_item = rows.grouped(lambda row: (row.subscription_id, row.charge_id, row.group_key, row.period_start))
        for item, of_item in by_item.items():
            last = of_item.sorted("sequence")[-1]
            self.assertEqual(sum(_exact(row.amount) for row in of_item), _exact(last.period_amount), item)

    def test_no_counter_is_in_two_windows(self):
        self.env.cr.execute(
            """
            SELECT usage.id
              FROM fusion_billing_usage AS usage
              JOIN (SELECT DISTINCT subscription_id, metric_id, period_start, period_end
                      FROM fusion_billing_rating WHERE kind = 'usage' AND state = 'billed') AS win
                ON win.subscription_id = usage.subscription_id AND win.metric_id = usage.metric_id
               AND usage.attributed_at >= win.period_start AND usage.attributed_at < win.period_end
             WHERE usage.subscription_id = ANY(%s)
             GROUP BY usage.id HAVING COUNT(*) > 1
            """,
            [self.orders.ids],
        )
        self.assertEqual(self.env.cr.fetchall(), [])

    # === THE PROOF === #

    def test_every_counter_is_explained(self):
        """What the proof tells agrees with the play: nothing is lost, and what is billed is what was invoiced."""
        outcome = prove(self.env, Scope((self.company.id,)))
        told = {line.status: 0 for line in outcome.lines}
        for line in outcome.lines:
            told[line.status] += line.counters
        self.assertEqual((outcome.unexplained, outcome.findings[:10]), (0, []), told)
        self.assertEqual(outcome.counters, len(self.orders.x_fc_usage_ids))
        self.assertEqual(told["void"], len(self.orders.x_fc_usage_ids.filtered("voided_at")))
        billed = sum(_exact(row.amount) for row in self.orders.x_fc_rating_ids if row.state == "billed")
        self.assertEqual(sum(line.amount for line in outcome.lines if line.status == "invoiced"), billed)

    # === THE BOOKS === #

    def test_customers_owe_invoices_less_payments_and_credit_notes(self):
        for number, partner in self.stage.partners.items():
            order = self.stage.orders[number]
            moves = self.moves.filtered(lambda move, partner=partner: move.partner_id == partner)
            owed = sum(_signed(move, "amount_total") for move in moves) - self.stage.payments[partner.id]
            receivable = self._get_receivable(partner)
            self.assertEqual(sum(_exact(line.amount_currency) for line in receivable), owed, order.name)
            self.assertEqual(sum(_exact(line.amount_residual_currency) for line in receivable), owed, order.name)
            if order.currency_id == self.company.currency_id:
                self.assertEqual(sum(_exact(line.balance) for line in receivable), owed, order.name)

    def _get_receivable(self, partner):
        domain = [
            ("partner_id", "=", partner.id),
            ("account_id.account_type", "=", "asset_receivable"),
            ("parent_state", "=", "posted"),
        ]
        return self.env["account.move.line"].search(domain)

    def test_journal_entries_balance_in_both_currencies(self):
        partners = [partner.id for partner in self.stage.partners.values()]
        moves = self.env["account.move.line"].search([("partner_id", "in", partners)]).move_id
        self.assertGreaterEqual(len(moves), len(self.moves))
        for move in moves:
            lines = move.line_ids
            self.assertEqual(sum(_exact(line.balance) for line in lines), 0, move.name)
            self.assertEqual(sum(_exact(line.debit) - _exact(line.credit) for line in lines), 0, move.name)
            if len(lines.currency_id) == 1:
                self.assertEqual(sum(_exact(line.amount_currency) for line in lines), 0, move.name)

    def test_the_tax_is_that_of_the_lines(self):
        """In whichever of Odoo's two ways the company rounds: per line, or once per tax."""
        rounds_lines = self.company.tax_calculation_rounding_method == "round_per_line"
        for move in self.moves:
            step = CURRENCIES[move.currency_id.name][0]
            by_tax = defaultdict(list)
            for line in move.invoice_line_ids.filtered("product_id"):
                gross = Fraction(str(line.price_unit)) * Fraction(str(line.quantity))
                percent, included = TAXES[line.tax_ids.name]
                by_tax[percent, included].append(gross * percent / (100 + percent if included else 100))
            tax = sum(
                sum(_round(each, step) for each in taxes) if rounds_lines else _round(sum(taxes), step)
                for taxes in by_tax.values()
            )
            of_tax_lines = -sum(_exact(line.amount_currency) for line in move.line_ids if line.display_type == "tax")
            self.assertEqual(_sign(move) * of_tax_lines, Decimal(str(move.amount_tax)), move.name)
            self.assertEqual(Fraction(str(move.amount_tax)), tax, move.name)

    # === WHAT THE SOURCE APP HEARS, AND THE DAY AFTER === #

    def test_each_invoice_of_a_listening_service_is_told_once(self):
        webhooks = self.env["fusion.billing.webhook"].search(
            [("service_id", "=", self.stage.listening_service.id), ("event_type", "=", "invoice.finalized")]
        )
        told = sorted(webhook.payload["invoice"]["invoice_id"] for webhook in webhooks)
        posted = self.moves.filtered(lambda move: move.x_fc_service_id == self.stage.listening_service)
        self.assertEqual(told, sorted(posted.ids))
        self.assertEqual(set(webhooks.mapped("state")), {"sent"})

    def test_running_everything_again_changes_nothing(self):
        before = self._get_traces()
        self.stage.run_last_day_again()
        self.assertEqual(self._get_traces(), before)

    def _get_traces(self):
        """Return counts and sums that any invoice, rating, delivery or change of an order line would change."""
        self.env.flush_all()
        queries = (
            "SELECT COUNT(*), SUM(amount_total), SUM(amount_residual) FROM account_move",
            "SELECT COUNT(*), SUM(balance), SUM(amount_currency) FROM account_move_line",
            "SELECT COUNT(*), SUM(amount), SUM(period_amount) FROM fusion_billing_rating",
            "SELECT state, COUNT(*) FROM fusion_billing_rating GROUP BY 1 ORDER BY 1",
            "SELECT COUNT(*), SUM(price_unit), SUM(qty_to_invoice) FROM sale_order_line",
            "SELECT COUNT(*) FROM fusion_subscription_period",
            "SELECT COUNT(*), SUM(amount) FROM fusion_subscription_fee",
            "SELECT COUNT(*), SUM(attempts) FROM fusion_billing_webhook",
            "SELECT COUNT(*) FROM fusion_billing_usage_change",
            "SELECT MAX(next_invoice_date), COUNT(next_invoice_date) FROM sale_order",
        )
        traces = []
        for query in queries:
            self.env.cr.execute(query)
            traces.append(self.env.cr.fetchall())
        return traces


def _sign(move):
    return {"out_invoice": 1, "out_refund": -1}[move.move_type]


def _exact(amount):
    return Decimal(str(amount))


def _signed(move, name):
    return _sign(move) * _exact(move[name])


def _round(amount, step):
    """Round half away from zero."""
    rounded = math.floor(abs(amount) / step + Fraction(1, 2)) * step
    return rounded if amount >= 0 else -rounded


def _describe(agreement):
    values = {name: value for name, value in vars(agreement).items() if name not in ("offer", "counters", "number")}
    offer = agreement.offer
    return f"{offer.currency} {offer.tax} {[charge.code for charge in offer.charges]} " + ", ".join(
        f"{name}={value}" for name, value in values.items()
    )
