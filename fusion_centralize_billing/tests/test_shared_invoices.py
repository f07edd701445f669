# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.fields import Command
from odoo.tests import tagged

from .test_invoice_grouping import GroupingCase


@tagged("post_install", "-at_install", "community")
class TestSharedInvoices(GroupingCase):
    """What becomes of an invoice of several subscriptions."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.orders = cls._create_subscription() | cls._create_subscription()

    def _invoice(self, first=3, second=5):
        self._use(self.orders[0], first)
        self._use(self.orders[1], second)
        return self._invoice_on(self.orders, "2026-02-01")

    def _reverse(self, move):
        with self._on("2026-02-05"), trap_jobs():
            wizard = self.env["account.move.reversal"].with_context(active_model="account.move", active_ids=move.ids)
            wizard.create({"reason": "wrong", "journal_id": move.journal_id.id}).refund_moves()
        return move.reversal_move_ids

    # === WHAT IT SAYS === #

    def test_the_lines_of_each_subscription_are_a_section(self):
        move = self._invoice()
        titles = [(order.x_fc_external_id, order.name) for order in self.orders]
        lines = move.invoice_line_ids.sorted("sequence")
        self.assertEqual(
            [(line.display_type, line.x_fc_subscription_id) for line in lines],
            [(kind, order) for order in self.orders for kind in ("line_section", "product", "product")],
        )
        sections = lines.filtered(lambda line: line.display_type == "line_section").mapped("name")
        self.assertEqual(sections, [f"Subscription {external_id} ({name})" for external_id, name in titles])
        self.assertRecordValues(
            move,
            [
                {
                    "x_fc_subscription_id": False,
                    "x_fc_subscription_ids": self.orders.ids,
                    "x_fc_service_id": self.service.id,
                    "x_fc_period_start": self.orders[0].start_date,
                    "amount_untaxed": 48,
                }
            ],
        )
        self.assertEqual(set(move.invoice_origin.split(", ")), set(self.orders.mapped("name")))

    def test_sections_of_an_order_stand_within_its_own(self):
        section = {"display_type": "line_section", "name": "Hosting", "sequence": 1}
        self.orders[1].order_line = [Command.create(section)]
        lines = self._invoice().invoice_line_ids.sorted("sequence")
        kinds = lines.filtered(lambda line: line.display_type != "product").mapped("display_type")
        self.assertEqual(kinds, ["line_section", "line_section", "line_subsection"])

    def test_the_printed_invoice_names_the_subscriptions(self):
        move = self._invoice()
        html, _type = self.env["ir.actions.report"]._render_qweb_html("account.account_invoices", move.ids)
        for order in self.orders:
            self.assertIn(order.x_fc_external_id, html.decode())

    def test_days_that_differ_are_not_those_of_the_invoice(self):
        yearly = self.env["sale.subscription.plan"].create(
            {"name": "Yearly", "billing_period_value": 1, "billing_period_unit": "year"}
        )
        longer = self._create_subscription(plan_id=yearly.id, start_date="2025-02-01")
        move = self._invoice_on(self.orders | longer, "2026-02-01")
        self.assertEqual(move.x_fc_subscription_ids, self.orders | longer)
        self.assertFalse(move.x_fc_period_start or move.x_fc_period_end)

    def test_every_usage_line_leads_to_the_ledger_of_its_own_subscription(self):
        move = self._invoice()
        for order, amount in zip(self.orders, (3, 5), strict=True):
            line = move.invoice_line_ids.filtered("x_fc_rating_ids").filtered(
                lambda line, order=order: line.x_fc_subscription_id == order
            )
            self.assertEqual((line.x_fc_rating_ids, line.price_subtotal), (self._get_ratings(order), amount))

    def test_a_preview_shows_the_part_of_the_subscription(self):
        self._use(self.orders[0], 3)
        with self._on("2026-02-01"):
            preview = self.orders[0]._fc_preview_invoice()
        self.assertEqual((preview["amount_untaxed"], len(preview["lines"])), ("23.00", 2))

    # === CREDITS AND VOIDS === #

    def test_money_back_for_one_lowers_what_the_other_owes(self):
        cases = [
            (50, 5, 100, "invoice", 20 + 20 + 5 - 50 + 100, "the charge of one is above the credit of the other"),
            (100, 5, 0, "credit note", 20 + 20 + 5 - 100, "the credit is above all charges: a credit note of all"),
        ]
        for credit, used, extra, kind, total, reason in cases:
            with self.subTest(reason):
                orders = self._create_subscription() | self._create_subscription()
                counter = self._use(orders[0], credit, "2026-01-10")
                self._invoice_on(orders, "2026-02-01")
                counter.quantity = 0
                self._use(orders[1], used + extra, "2026-02-10")
                move = self._invoice_on(orders, "2026-03-01")
                self.assertEqual(move.x_fc_subscription_ids, orders, reason)
                self.assertEqual(move.move_type, "out_invoice" if kind == "invoice" else "out_refund")
                self.assertEqual(move.amount_untaxed, abs(total))

    def test_a_void_gives_back_what_was_billed_of_all(self):
        move = self._invoice()
        with self._on("2026-02-05"), trap_jobs():
            move._fc_void("wrong")
        reversal = move.reversal_move_ids
        self.assertEqual(reversal.x_fc_subscription_ids, self.orders)
        self.assertEqual(reversal.invoice_line_ids.x_fc_subscription_id, self.orders)
        self.assertEqual({row.state for row in self._get_ratings(self.orders[0])}, {"cancelled"})
        again = self._invoice_on(self.orders, "2026-03-01")
        self.assertEqual((again.x_fc_subscription_ids, again.amount_untaxed), (self.orders, 48 + 40))

    def test_a_reversal_of_the_back_office_is_of_all(self):
        move = self._invoice()
        note = self._reverse(move)
        self.assertEqual((note.x_fc_subscription_ids, note.x_fc_service_id), (self.orders, self.service))
        self.assertEqual(note.invoice_line_ids.x_fc_subscription_id, self.orders)

    def test_a_credit_of_lines_is_of_their_subscription_only(self):
        move = self._invoice()
        line = self._get_line(move, self.usage_product).filtered(
            lambda line: line.x_fc_subscription_id == self.orders[1]
        )
        with self._on("2026-02-05"), trap_jobs():
            note = move._fc_credit("too much", [(line.id, 2)])
        self.assertEqual((note.x_fc_subscription_ids, note.x_fc_subscription_id), (self.orders[1], self.orders[1]))
        self.assertEqual((note.amount_untaxed, note.invoice_line_ids.x_fc_subscription_id), (2, self.orders[1]))
        with self._on("2026-02-06"), trap_jobs():
            rest = move._fc_credit("all of it")
        self.assertEqual((rest.x_fc_subscription_ids, rest.amount_untaxed), (self.orders, 46))

    def test_a_draft_without_the_lines_of_one_is_of_the_other(self):
        with self._on("2026-02-01"), trap_jobs():
            move = self.orders._create_invoices()
        lines = move.invoice_line_ids.filtered(lambda line: line.x_fc_subscription_id == self.orders[1])
        move.invoice_line_ids = [Command.delete(line.id) for line in lines]
        self.assertEqual((move.x_fc_subscription_ids, move.x_fc_subscription_id), (self.orders[0], self.orders[0]))

    def test_ledger_and_lines_agree_for_the_proof(self):
        move = self._invoice()
        asked = {"from": "2026-01-01", "to": "2026-02-01"}
        self.assertTrue(self.service._api_billing_proof(asked)["balanced"])
        line = move.invoice_line_ids.filtered("x_fc_rating_ids")[:1]
        line.x_fc_subscription_id = self.orders - line.x_fc_subscription_id
        codes = [finding["code"] for finding in self.service._api_billing_proof(asked)["findings"]]
        self.assertIn("line_missing", codes, "a rating on a line of another subscription")

    # === THE API === #

    def test_services_find_it_under_each_of_its_subscriptions(self):
        move = self._invoice()
        told = [
            {"subscription_id": order.id, "subscription_external_id": order.x_fc_external_id} for order in self.orders
        ]
        for order in self.orders:
            listed = self.service._api_list_invoices({"subscription_external_id": order.x_fc_external_id})["invoices"]
            self.assertEqual([invoice["invoice_id"] for invoice in listed], move.ids)
        [invoice] = self.service._api_list_invoices({"external_customer_id": self.link.external_id})["invoices"]
        self.assertEqual(invoice["subscriptions"], told)
        self.assertEqual((invoice["subscription_id"], invoice["subscription_external_id"]), (None, None))
        self.assertEqual(invoice["external_customer_id"], self.link.external_id)
        lines = self.service._api_get_invoice({"invoice_id": move.id})["lines"]
        self.assertEqual([line["subscription_id"] for line in lines], [order.id for order in self.orders for _ in "12"])

    def test_each_of_two_customers_with_one_contact_has_his_own_invoices_in_lists(self):
        other = self._create_link()
        theirs = self._create_subscription(x_fc_account_link_id=other.id)
        invoices = {self.link: self._invoice(), other: self._invoice_on(theirs, "2026-02-01")}
        notes = {link: self._reverse(move[:1]) for link, move in invoices.items()}
        for link, move in invoices.items():
            notes[link].action_post()
            asked = {"external_customer_id": link.external_id}
            listed = self.service._api_list_invoices(asked)["invoices"]
            self.assertEqual({invoice["invoice_id"] for invoice in listed}, set(move.ids))
            listed = self.service._api_list_credit_notes(asked)["credit_notes"]
            self.assertEqual([note["credit_note_id"] for note in listed], notes[link].ids)

    def test_invoices_of_a_renewed_subscription_stay_its_customer_s(self):
        order, renewal = self.orders
        move = self._invoice_on(order, "2026-02-01")
        self.env.flush_all()
        self.env.cr.execute("UPDATE sale_order SET x_fc_successor_id = %s WHERE id = %s", [renewal.id, order.id])
        self.env.invalidate_all()
        [invoice] = self.service._api_list_invoices({"external_customer_id": self.link.external_id})["invoices"]
        self.assertEqual(invoice["invoice_id"], move.id)

    def test_webhooks_tell_of_all_its_subscriptions(self):
        self._listen()
        self._invoice()
        [event] = self._get_events(self.service, "invoice.finalized")
        invoice = event.payload["invoice"]
        self.assertEqual([each["subscription_id"] for each in invoice["subscriptions"]], self.orders.ids)
        self.assertEqual((invoice["subscription_id"], invoice["external_customer_id"]), (None, self.link.external_id))

    def test_another_service_sees_nothing_of_it(self):
        self._invoice()
        other = self._create_service()
        self._create_link(other)
        self.assertFalse(other._api_list_invoices({})["invoices"])
