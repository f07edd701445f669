# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import Form, tagged

from ..api.errors import BusinessRuleError
from .common import BillingCase


class _Case(BillingCase):
    """An accountant, without rights on billing, and invoices of usage at 1.00 a unit."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._create_charge()
        cls.accountant = cls._create_user("account.group_account_invoice")

    def _create_draft(self, quantity=10, currency="CAD", with_fee=False, **line_values):
        """Return a draft of some usage, as the accountant has it, made by the button of the order."""
        plan = self._create_plan(currency)
        self._create_charge(plan)
        order = self._create_subscription(plan, with_fee=with_fee)
        self._use(order, quantity)
        draft = self._create_native_invoice_on(order, "2026-01-20")
        self.assertEqual(draft.state, "draft")
        if line_values:
            draft.invoice_line_ids.write(line_values)
        return draft.with_user(self.accountant)

    def _create_negative_draft(self):
        """Return a draft that gives 40 of 50 units back, with a total below zero, as Odoo's button makes it."""
        order = self._create_subscription(with_fee=False)
        self._use(order, 50, idem=f"{order.id}")
        self._invoice_on(order, "2026-02-01")
        self._use(order, 10, idem=f"{order.id}")
        with self._on("2026-02-10"), trap_jobs():
            draft = order._create_invoices(final=False)
        self.assertEqual((draft.move_type, draft.amount_total), ("out_invoice", -40))
        return draft.with_user(self.accountant)

    def _create_tax(self, amount, included):
        return self.env["account.tax"].create(
            {
                "name": f"{amount} {included}",
                "amount": amount,
                "price_include_override": "tax_included" if included else "tax_excluded",
            }
        )

    def assertRefused(self, change, *args):
        with self.assertRaises(BusinessRuleError) as caught, self.env.cr.savepoint(), trap_jobs():
            change(*args)
            self.env.flush_all()
        self.assertEqual(caught.exception.code, "rated_line")
        self.assertEqual(caught.exception.errors[0].path, "invoice_line_ids")
        self.assertIn("add a line of its own", str(caught.exception))
        self.env.invalidate_all()


@tagged("post_install", "-at_install")
class TestRatedLineOfDraft(_Case):
    """What accountants may change of a rated line, and what not."""

    def test_what_makes_the_amount_cannot_be_changed(self):
        other = self._create_product(name="Other", list_price=3)
        unit = self.env.ref("uom.product_uom_dozen")
        cases = [
            ({"price_unit": 9.99}, "a cent less"),
            ({"price_unit": -10}, "the other sign"),
            ({"quantity": 2}, "twice"),
            ({"quantity": 0}, "nothing"),
            ({"discount": 0.1}, "a discount of a cent"),
            ({"discount": 100}, "for free"),
            ({"price_unit": 20, "quantity": 1, "discount": 49}, "all three"),
            ({"product_id": other.id}, "a product brings its own price"),
            ({"product_uom_id": unit.id}, "a unit brings its own price"),
            ({"display_type": "line_note"}, "a note has no amount"),
            ({"price_subtotal": 9}, "the printed amount"),
            ({"currency_id": self._get_currency("EUR").id}, "another currency"),
            ({"move_id": self._create_draft(7).id}, "another invoice"),
        ]
        draft = self._create_draft()
        line = draft.invoice_line_ids
        for values, reason in cases:
            with self.subTest(reason):
                self.assertRefused(line.write, values)
                self.assertRefused(draft.write, {"line_ids": [Command.update(line.id, values)]})
                self.assertEqual((line.price_subtotal, draft.amount_untaxed), (10, 10))

    def test_another_amount_cannot_be_booked(self):
        draft = self._create_draft(currency=self.company.currency_id.name)
        for values in ({"amount_currency": -9}, {"balance": -9}, {"credit": 9}, {"amount_currency": 10}):
            with self.subTest(values):
                self.assertRefused(draft.write, {"line_ids": [Command.update(draft.invoice_line_ids.id, values)]})
                self.assertEqual(draft.amount_untaxed, 10)

    def test_other_values_that_come_to_the_same_amount_are_no_change(self):
        for values in ({"price_unit": 10}, {"price_unit": 2.5, "quantity": 4}, {"price_unit": 20, "discount": 50}):
            with self.subTest(values):
                draft = self._create_draft()
                draft.invoice_line_ids.write(values)
                draft.action_post()
                self.assertEqual((draft.state, draft.amount_untaxed), ("posted", 10))

    def test_text_account_analytics_and_taxes_are_free(self):
        account = self.env["account.account"].create(
            {"name": "Usage", "code": "fc4711", "account_type": "income", "company_ids": self.company.ids}
        )
        plan = self.env["account.analytic.plan"].create({"name": "Plan"})
        analytic = self.env["account.analytic.account"].create({"name": "Account", "plan_id": plan.id})
        # (values, untaxed amount, total, reason)
        cases = [
            ({"name": "Other words"}, 10, 10, "text"),
            ({"account_id": account.id}, 10, 10, "account"),
            ({"analytic_distribution": {str(analytic.id): 100}}, 10, 10, "analytic distribution"),
            ({"tax_ids": [Command.set(self._create_tax(15, False).ids)]}, 10, 11.5, "a tax on top"),
            ({"tax_ids": [Command.set(self._create_tax(25, True).ids)]}, 8, 10, "a tax within"),
        ]
        for values, untaxed, total, reason in cases:
            with self.subTest(reason):
                draft = self._create_draft()
                draft.write({"invoice_line_ids": [Command.update(draft.invoice_line_ids.id, values)]})
                draft.action_post()
                self.assertRecordValues(draft, [{"state": "posted", "amount_untaxed": untaxed, "amount_total": total}])

    def test_the_form_saves_what_is_free_and_nothing_else(self):
        tax = self._create_tax(15, False)
        draft = self._create_draft()
        with Form(draft) as form, form.invoice_line_ids.edit(0) as line:
            line.name = "Other words"
            line.tax_ids.add(tax)
        self.assertEqual((draft.amount_untaxed, draft.amount_total), (10, 11.5))

        def edit(name, value):
            with Form(draft) as form, form.invoice_line_ids.edit(0) as line:
                setattr(line, name, value)

        for name, value in (("price_unit", 9), ("quantity", 2), ("product_id", self.fee)):
            with self.subTest(name):
                self.assertRefused(edit, name, value)

    def test_lines_that_are_not_rated_are_free(self):
        draft = self._create_draft(with_fee=False)
        discount = {"name": "Discount", "quantity": 1, "price_unit": -2, "tax_ids": [Command.clear()]}
        draft.write({"invoice_line_ids": [Command.create(discount)]})
        line = draft.invoice_line_ids.filtered(lambda line: line.name == "Discount")
        line.price_unit = -3
        draft.action_post()
        self.assertEqual(draft.amount_untaxed, 7)

    def test_a_line_of_ones_own_cannot_be_put_before_the_ledger(self):
        draft = self._create_draft()
        rating = draft.sudo().x_fc_rating_ids
        line = {"name": "Mine", "price_unit": 3, "x_fc_rating_ids": [Command.link(rating.id)]}
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            draft.write({"invoice_line_ids": [Command.create(line)]})
        self.env.invalidate_all()
        self.assertEqual(rating.invoice_line_id, draft.sudo().invoice_line_ids)

    def test_a_rated_line_that_is_deleted_gives_its_usage_back(self):
        draft = self._create_draft()
        rating = draft.sudo().x_fc_rating_ids
        draft.invoice_line_ids.unlink()
        self.assertEqual((rating.state, rating.amount), ("cancelled", 10))

    def test_the_currency_of_a_draft_cannot_be_changed(self):
        draft = self._create_draft()
        euro = self._get_currency("EUR")
        journal = self.env["account.journal"].create(
            {"name": "Euro", "type": "sale", "code": "FCEUR", "currency_id": euro.id}
        )
        self.assertRefused(draft.write, {"currency_id": euro.id})
        self.assertRefused(draft.write, {"journal_id": journal.id})
        self.assertEqual(draft.currency_id.name, "CAD")

    def test_a_journal_of_the_same_currency_a_date_and_another_customer_are_no_obstacle(self):
        draft = self._create_draft()
        journal = self.env["account.journal"].create({"name": "Other", "type": "sale", "code": "FCOTH"})
        position = self.env["account.fiscal.position"].create({"name": "Abroad"})
        other = self.env["res.partner"].create({"name": "Other", "property_account_position_id": position.id})
        draft.write({"journal_id": journal.id, "invoice_date": "2026-01-05", "partner_id": other.id})
        draft.action_update_fpos_values()
        draft.action_post()
        self.assertRecordValues(draft, [{"state": "posted", "amount_untaxed": 10, "fiscal_position_id": position.id}])

    def test_a_fiscal_position_that_changes_the_price_is_refused_for_rated_lines(self):
        within = self._create_tax(25, True)
        position = self.env["account.fiscal.position"].create({"name": "Abroad"})
        on_top = self._create_tax(0, False)
        on_top.write(
            {"fiscal_position_ids": [Command.set(position.ids)], "original_tax_ids": [Command.set(within.ids)]}
        )
        self.usage_product.taxes_id = within
        draft = self._create_draft(tax_ids=[Command.set(within.ids)])
        self.assertEqual((draft.amount_untaxed, draft.amount_total), (8, 10))
        draft.fiscal_position_id = position
        self.assertRefused(draft.action_update_fpos_values)
        draft.invoice_line_ids.tax_ids = on_top
        draft.action_post()
        self.assertEqual((draft.amount_untaxed, draft.amount_total), (10, 10), "the rated amount, without the tax")

    def test_a_posted_invoice_is_kept_as_well(self):
        draft = self._create_draft()
        draft.action_post()
        self.assertRefused(draft.invoice_line_ids.write, {"price_subtotal": 9})


@tagged("post_install", "-at_install")
class TestTypeOfDraft(_Case):
    """An invoice and a credit note have the same ledger, with the other sign."""

    def test_a_total_below_zero_becomes_a_credit_note(self):
        draft = self._create_negative_draft()
        draft.action_switch_move_type()
        draft.action_post()
        self.assertRecordValues(draft, [{"move_type": "out_refund", "state": "posted", "amount_total": 40}])
        self.assertEqual(draft.sudo().x_fc_rating_ids.amount, -40)

    def test_the_amount_of_a_credit_note_cannot_be_changed(self):
        draft = self._create_negative_draft()
        draft.action_switch_move_type()
        for values in ({"price_unit": -41}, {"quantity": 1}, {"quantity": -2}, {"discount": 50}):
            with self.subTest(values):
                self.assertRefused(draft.invoice_line_ids.write, values)

    def test_what_the_customer_owes_is_not_paid_to_him(self):
        draft = self._create_draft()
        self.assertRefused(draft.action_switch_move_type)
        self.assertEqual(draft.move_type, "out_invoice")

    def test_a_type_that_was_written_is_found_on_posting(self):
        draft = self._create_draft()
        draft.write({"move_type": "out_refund"})
        self.assertRefused(draft.action_post)


@tagged("post_install", "-at_install")
class TestPosting(_Case):
    """Posting looks again: whatever has changed a line past the guards, the invoice stays a draft."""

    def _spoil(self, draft, column, value):
        """Change a line in the database, as a module or a script might that goes past the ORM."""
        self.env.flush_all()
        line = draft.invoice_line_ids.filtered("sale_line_ids")
        self.env.cr.execute(f"UPDATE account_move_line SET {column} = %s WHERE id = %s", [value, line.id])
        self.env.invalidate_all()

    def test_what_odoo_rounds_over_many_lines_with_included_tax_is_booked_with_a_rated_one(self):
        tax = self._create_tax(13, included=True)
        fee = self._create_product(name="Small fee", taxes_id=[Command.set(tax.ids)])
        usage = self._create_product(name="Usage with tax", taxes_id=[Command.set(tax.ids)])
        plan = self._create_plan()
        self._create_charge(plan, product_id=usage.id)
        # Each of 0.0442 untaxed, which is rounded down: six of them lack two and a half cents.
        small = [Command.create({"product_id": fee.id, "price_unit": 0.05}) for _number in range(6)]
        order = self._create_subscription(plan, with_fee=False, order_line=small)
        self._use(order, 100)
        invoice = self._invoice_on(order, "2026-02-01")
        line = self._get_line(invoice, usage)
        self.assertEqual((invoice.state, invoice.amount_total), ("posted", 100.3))
        self.assertGreater(abs(line.balance + line.price_subtotal), 0.015)

    def test_an_invoice_that_differs_from_the_ledger_is_not_posted(self):
        # (currency, quantity, column, value, reason)
        cases = [
            ("CAD", 10, "price_unit", 9.99, "a cent less"),
            ("CAD", 10, "quantity", 2, "twice"),
            ("CAD", 10, "discount", 50, "half"),
            ("CAD", 10, "price_subtotal", 9.99, "printed with a cent less"),
            ("CAD", 10, "amount_currency", -9, "booked with less"),
            ("JPY", 10, "price_unit", 9, "the smallest amount"),
            ("KWD", 10, "price_unit", 9.999, "the smallest amount"),
        ]
        for currency, quantity, column, value, reason in cases:
            with self.subTest(reason, currency=currency, column=column):
                draft = self._create_draft(quantity, currency)
                self._spoil(draft, column, value)
                self.assertRefused(draft.action_post)
                self.assertRefused(draft.sudo().action_post)
                self.assertEqual(draft.state, "draft")

    def test_an_invoice_in_another_currency_than_the_ledger_is_not_posted(self):
        draft = self._create_draft()
        self._spoil(draft, "currency_id", self._get_currency("EUR").id)
        self.assertRefused(draft.action_post)

    def test_what_agrees_is_posted_in_every_currency_and_with_every_tax(self):
        self.company.tax_calculation_rounding_method = "round_globally"
        taxes = {
            "none": self.env["account.tax"],
            "on top": self._create_tax(13.5, False),
            "within": self._create_tax(21, True),
            "two within": self._create_tax(10, True) + self._create_tax(10.5, True),
        }
        fee = {"name": "Fractions", "quantity": 12.12, "price_unit": 12.125}
        for currency, quantity in (("CAD", 21.53), ("JPY", 107), ("KWD", 0.999), ("CAD", 100)):
            for name, tax in taxes.items():
                with self.subTest(currency=currency, quantity=quantity, tax=name):
                    draft = self._create_draft(quantity, currency, tax_ids=[Command.set(tax.ids)])
                    lines = [{**fee, "tax_ids": [Command.set(tax.ids)]}] * 3
                    draft.write({"invoice_line_ids": [Command.create(line) for line in lines]})
                    draft.action_post()
                    self.assertEqual(draft.state, "posted")
                    self.assertEqual(sum(draft.sudo().x_fc_rating_ids.mapped("amount")), quantity)

    def test_a_cent_that_odoo_books_with_another_line_is_no_obstacle(self):
        """The example of ``_round_base_lines_tax_details``: 17.79 twice are booked as 17.80 and 17.79."""
        self.company.tax_calculation_rounding_method = "round_globally"
        tax_ids = [Command.set(self._create_tax(21, True).ids)]
        draft = self._create_draft(21.53, tax_ids=tax_ids)
        rated = draft.invoice_line_ids
        other = {"name": "Other", "quantity": 1, "price_unit": 21.53, "tax_ids": tax_ids}
        draft.write({"invoice_line_ids": [Command.create(other)]})
        self.assertEqual((rated.price_subtotal, rated.amount_currency), (17.79, -17.80))
        draft.action_post()
        self.assertEqual((draft.state, draft.amount_untaxed, draft.amount_total), ("posted", 35.59, 43.06))

    def test_automatic_invoices_adjustments_voids_and_credit_notes_are_posted(self):
        order = self._create_subscription()
        self._use(order, 10, idem="k")
        first = self._invoice_on(order, "2026-02-01")
        self._use(order, 4, idem="k")
        second = self._invoice_on(order, "2026-03-01")
        self.assertEqual((first.amount_untaxed, second.amount_untaxed), (30, 14))
        with trap_jobs():
            second._fc_void("Wrong")
            note = first.with_user(self.accountant)._reverse_moves(cancel=True)
        self.assertEqual((note.state, note.amount_untaxed), ("posted", 30))
        again = self._invoice_on(order, "2026-04-01")
        self.assertEqual(again.amount_untaxed, self._by_edition(20, 0) + 20 - 6, "with what the void invoice billed")
