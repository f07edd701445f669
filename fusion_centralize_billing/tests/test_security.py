# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import BillingCase, unique

_GROUP = "fusion_centralize_billing.group_billing_"


@tagged("post_install", "-at_install")
class TestSecurity(BillingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._listen()
        cls.charge = cls._create_charge(charge_model="graduated", tiers=[{"price_per_unit": 1}])
        with trap_jobs():
            cls.order = cls._create_subscription()
            cls.usage = cls.env["fusion.billing.usage"]._record_usage(
                cls.order, cls.metric.code, 5, "2026-01-10", "2026-01-10", "k"
            )
            cls.order._fc_rate_usage(cls.charge, "2026-01-01", "2026-02-01")
        cls.service.action_generate_api_key()

    # === BILLING PEOPLE === #

    def test_a_billing_user_cannot_act(self):
        user = self._create_user(f"{_GROUP}user")
        webhook = self._get_events()[:1]
        webhook.state = "dead"
        acts = {
            "replace a key": lambda: self.service.with_user(user).action_generate_api_key(),
            "make a key": lambda: self._create_service().with_user(user).action_generate_api_key(),
            "revoke a key": lambda: self.service.api_key_ids.with_user(user).action_revoke(),
            "retry a delivery": lambda: webhook.with_user(user).action_retry(),
            "open the wizard": lambda: self.env["fusion.billing.api.key.wizard"].with_user(user).create({}),
            "rename a service": lambda: self.service.with_user(user).write({"name": "Mine"}),
        }
        for name, act in acts.items():
            with self.subTest(name), self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_model"):
                act()

    def test_a_billing_manager_makes_and_revokes_keys(self):
        manager = self._create_user(f"{_GROUP}manager")
        raw = self.service.with_user(manager).action_generate_api_key()
        self.assertEqual(self.service._match_api_key(raw), self.service)
        self.service.api_key_ids.with_user(manager).action_revoke()
        self.assertFalse(self.service._match_api_key(raw))

    def test_a_billing_manager_makes_a_service_with_its_user(self):
        manager = self._create_user(f"{_GROUP}manager")
        service = self.env["fusion.billing.service"].with_user(manager).create({"name": "New", "code": unique("new")})
        self.assertTrue(service.sudo().user_id.has_group(f"{_GROUP}service"))
        self.assertTrue(service.action_generate_api_key())

    def test_a_billing_manager_starts_a_delivery_again(self):
        manager = self._create_user(f"{_GROUP}manager")
        webhook = self._get_events()[:1]
        webhook.state = "dead"
        with trap_jobs():
            webhook.with_user(manager).action_retry()
        self.assertEqual(webhook.state, "pending")

    def test_a_billing_manager_corrects_usage(self):
        manager = self._create_user(f"{_GROUP}manager")
        self.env["fusion.billing.usage.change"]._take(self.order)
        self.usage.with_user(manager).quantity = 6
        self.assertTrue(self._get_changes(self.order))

    def test_a_billing_manager_sees_the_job_queue(self):
        manager = self._create_user(f"{_GROUP}manager")
        menu = self.env.ref("queue_job.menu_queue_job_root")
        self.assertIn(menu.id, self.env["ir.ui.menu"].with_user(manager)._visible_menu_ids())
        self.assertTrue(self.env["queue.job"].with_user(manager).has_access("read"))

    def test_a_billing_manager_does_not_say_what_jobs_and_their_buttons_run(self):
        """A job function names a method by which the queue's records could be forged, and run as the superuser."""
        manager = self._create_user(f"{_GROUP}manager")
        function = self.env["queue.job.function"].search([("method", "=", "_job_deliver")]).with_user(manager)
        channel = function.channel_id
        forged = {"func_name": "_create", "kwargs": {"data_list": []}}
        acts = {
            "related action": lambda: function.write({"edit_related_action": repr(forged)}),
            "method on failure": lambda: function.write({"on_fail_method": "unlink"}),
            "channel of a function": lambda: function.write({"channel_id": self.env.ref("queue_job.channel_root").id}),
            "copy": lambda: function.copy(),
            "delete": lambda: function.unlink(),
            "new function": lambda: function.create({"name": "<res.users>.write", "channel_id": channel.id}),
            "new channel": lambda: channel.create({"name": "mine", "parent_id": channel.id}),
            "rename a channel": lambda: channel.write({"name": "mine"}),
        }
        for name, act in acts.items():
            with self.subTest(name), self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_rule"):
                act()
        self.assertTrue(function.channel_id.name)

    def test_a_billing_manager_requeues_a_job_and_does_not_say_whose_it_is(self):
        manager = self._create_user(f"{_GROUP}manager")
        other = self.env["res.company"].create({"name": unique("Other company")})
        delayed = self._get_events()[:1].with_delay(identity_key=unique("key"))._job_deliver()
        job = delayed.db_record().with_env(self.env(user=manager, su=False))
        for vals in ({"user_id": self.env.ref("base.user_root").id}, {"company_id": other.id}, {"identity_key": "x"}):
            with self.subTest(vals), self.assertRaises(AccessError):
                job.write(vals)
        job.button_cancelled()
        self.assertEqual(job.state, "cancelled")
        job.requeue()
        self.assertEqual(job.state, "pending")

    def test_an_administrator_sets_how_jobs_are_tried_again(self):
        administrator = self._create_user("base.group_system", f"{_GROUP}manager")
        function = self.env["queue.job.function"].search([("method", "=", "_job_deliver")]).with_user(administrator)
        function.edit_retry_pattern = "{1: 60}"
        self.assertEqual(function.retry_pattern, {"1": 60})

    def test_a_billing_user_sees_no_job_queue(self):
        user = self._create_user(f"{_GROUP}user")
        menu = self.env.ref("queue_job.menu_queue_job_root")
        self.assertNotIn(menu.id, self.env["ir.ui.menu"].with_user(user)._visible_menu_ids())

    # === PEOPLE WITHOUT BILLING RIGHTS === #

    def _create_clerk(self):
        groups = ("sales_team.group_sale_salesman_all_leads", "account.group_account_invoice")
        return self._create_user(*groups)

    def _forget(self):
        """Empty the cache, in which the tests' superuser has read everything."""
        self.env.flush_all()
        self.env.invalidate_all()

    def test_a_salesperson_confirms_the_order_of_a_service(self):
        quotation = self._create_subscription(confirm=False)
        self._forget()
        with trap_jobs():
            quotation.with_user(self._create_user("sales_team.group_sale_salesman_all_leads")).action_confirm()
        self.assertEqual(quotation.subscription_state, "3_progress")
        started = self._get_events(self.service, "subscription.started")
        self.assertIn(quotation.id, [event.payload["subscription"]["subscription_id"] for event in started])

    def test_a_salesperson_ends_the_order_of_a_service(self):
        self._forget()
        with self._on("2026-01-20"), trap_jobs():
            self._close(self.order.with_user(self._create_user("sales_team.group_sale_salesman_all_leads")))
        self.assertTrue(self._get_events(self.service, "subscription.terminated"))

    def test_a_clerk_invoices_and_posts_the_order_of_a_service(self):
        clerk = self._create_clerk()
        self._use(self.order, 3)
        self._forget()
        with self._on("2026-02-01"), trap_jobs():
            move = self.order.with_user(clerk)._create_invoices(final=True)
            self._forget()
            move.action_post()
        self.assertEqual((move.amount_untaxed, move.state), (28, "posted"))
        self.assertTrue(self._get_events(self.service, "invoice.finalized"))
        self.assertEqual(self.order.x_fc_rating_ids.mapped("state"), ["billed"])

    def test_a_clerk_invoices_the_order_of_a_customer_with_another_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.partner.lang = "fr_FR"
        self._use(self.order, 3)
        self._forget()
        with self._on("2026-02-01"), trap_jobs():
            move = self.order.with_user(self._create_clerk())._create_invoices(final=True)
        self.assertEqual(move.amount_untaxed, 28)

    def test_a_clerk_cancels_the_invoice_of_a_service(self):
        clerk = self._create_clerk()
        move = self._invoice_on(self.order, "2026-02-01")
        self._forget()
        move = move.with_user(clerk)
        move.button_draft()
        move.button_cancel()
        self.assertEqual(self.order.x_fc_rating_ids.mapped("state"), ["cancelled"])

    def test_a_clerk_opens_orders_and_invoices_of_a_service(self):
        clerk = self._create_clerk()
        move = self._invoice_on(self.order, "2026-02-01")
        self._forget()
        for record in (self.order.with_user(clerk), move.with_user(clerk)):
            with self.subTest(record._name):
                arch_fields = record.get_views([(False, "form")])["models"][record._name]["fields"]
                shown = [name for name in arch_fields if not name.startswith("x_fc_") or name in record._fields]
                self.assertTrue(record.read(shown))

    def test_a_salesperson_changes_the_other_lines_of_a_rated_order(self):
        salesperson = self._create_user("sales_team.group_sale_salesman_all_leads")
        self._forget()
        fee = self.order.order_line.filtered(lambda line: not line.x_fc_charge_id).with_user(salesperson)
        fee.price_unit = 30
        self.assertEqual(fee.price_unit, 30)

    # === USAGE LINES === #

    def test_usage_lines_are_not_edited_by_hand(self):
        clerk = self._create_user("sales_team.group_sale_manager", f"{_GROUP}manager")
        line = self._get_usage_lines(self.order).with_user(clerk)
        for values in (
            {"price_unit": 1},
            {"product_uom_qty": 2},
            {"product_id": self.fee.id},
            {"name": "Free"},
            {"discount": 50},
        ):
            with self.subTest(values), self.assertRaises(UserError):
                line.write(values)

    def test_a_salesperson_neither_makes_nor_unmakes_a_usage_line(self):
        salesperson = self._create_user("sales_team.group_sale_salesman_all_leads")
        line = self._get_usage_lines(self.order).with_user(salesperson)
        for values in ({"x_fc_is_rated": False}, {"x_fc_charge_id": False}):
            with self.subTest(values), self.assertRaises(UserError):
                line.write(values)
        other = (self.order.order_line - line).with_user(salesperson)[:1]
        with self.assertRaises(UserError):
            other.x_fc_is_rated = True

    def test_a_salesperson_does_not_say_until_when_usage_is_billed(self):
        order = self.order.with_user(self._create_user("sales_team.group_sale_salesman_all_leads"))
        for values in ({"x_fc_billed_until": "2027-01-01"}, {"x_fc_ended_on": "2026-01-02"}):
            with self.subTest(values), self.assertRaises(UserError):
                order.write(values)

    def test_usage_lines_are_not_deleted_by_hand(self):
        # On a quotation, since Odoo keeps the lines of a confirmed order anyway.
        quotation = self._create_subscription(confirm=False)
        self._use(quotation, 5)
        quotation._fc_rate_usage(self.charge, "2026-01-01", "2026-02-01")
        clerk = self._create_user("sales_team.group_sale_manager", f"{_GROUP}manager")
        with self.assertRaises(UserError):
            self._get_usage_lines(quotation).with_user(clerk).unlink()

    def test_usage_lines_may_be_moved(self):
        clerk = self._create_user("sales_team.group_sale_manager")
        line = self._get_usage_lines(self.order).with_user(clerk)
        line.sequence = 99
        self.assertEqual(line.sequence, 99)

    def test_a_rated_subscription_keeps_its_service_and_plan(self):
        for values in ({"x_fc_service_id": False}, {"x_fc_plan_code": "other"}):
            with self.subTest(values), self.assertRaises(UserError):
                self.order.write(values)

    # === COMPANIES === #

    def test_a_partner_of_another_company_cannot_be_linked(self):
        company = self.env["res.company"].create({"name": unique("Other company")})
        partner = self.env["res.partner"].create({"name": "Theirs", "company_id": company.id})
        with self.assertRaises(UserError):
            self._create_link(partner=partner)
