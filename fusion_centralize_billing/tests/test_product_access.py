# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.tests import tagged

from ..api.errors import NotFoundError
from .common import BillingCase, unique


@tagged("post_install", "-at_install")
class TestProductAccess(BillingCase):
    """Which products a service may name when it opens a subscription; the others it does not even see a price of."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other_service = cls._create_service(name="Other App")
        cls.other_company = cls.env["res.company"].create({"name": unique("Other company")})
        cls.products = {
            "any": cls._create_product(name="Any", recurring_invoice=True),
            "marked": cls._create_product(name="Marked", x_fc_for_services=True),
            "not for sale": cls._create_product(name="Not for Sale", sale_ok=False, x_fc_for_services=True),
            "of another company": cls._create_product(name="Theirs", company_id=cls.other_company.id),
            "fee of a plan for all": cls.fee,
            "fee of an own plan": cls._create_product(name="Own Fee"),
            "charge of an own plan": cls._create_product(name="Own Usage"),
            "charge without a plan": cls._create_product(name="Usage without Plan"),
            "fee of another's plan": cls._create_product(name="Private Fee", x_fc_for_services=True),
            "charge of another's plan": cls._create_product(name="Private Usage"),
            "minimum of another's plan": cls._create_product(name="Private Minimum"),
            "fee of another's former plan": cls._create_product(name="Former Fee"),
            "fee of an own and another's plan": cls._create_product(name="Both"),
        }
        for name, product in cls.products.items():
            # Where the product decides, a fee has to recur.
            product.recurring_invoice |= cls._is_enterprise() and name.startswith("fee of")
        cls._create_catalogues()
        cls.products["another variant of another's fee"] = cls._create_variant(cls.products["fee of another's plan"])

    @classmethod
    def _create_catalogues(cls):
        def plan(service, fee, **values):
            return cls._create_plan(service_id=service.id, product_id=cls.products[fee].id, **values)

        own = plan(cls.service, "fee of an own plan")
        plan(cls.service, "fee of an own and another's plan")
        cls._create_charge(own, product_id=cls.products["charge of an own plan"].id)
        cls._create_charge(plan_code=unique("no-plan"), product_id=cls.products["charge without a plan"].id)
        minimum = cls.products["minimum of another's plan"].id
        foreign = plan(cls.other_service, "fee of another's plan", commitment_product_id=minimum)
        cls._create_charge(foreign, product_id=cls.products["charge of another's plan"].id)
        plan(cls.other_service, "fee of another's former plan", active=False)
        plan(cls.other_service, "fee of an own and another's plan")

    @classmethod
    def _create_variant(cls, product):
        attribute = cls.env["product.attribute"].create(
            {"name": "Size", "value_ids": [(0, 0, {"name": "S"}), (0, 0, {"name": "L"})]}
        )
        product.product_tmpl_id.attribute_line_ids = [
            (0, 0, {"attribute_id": attribute.id, "value_ids": [(6, 0, attribute.value_ids.ids)]})
        ]
        return product.product_tmpl_id.product_variant_ids[-1]

    def _open(self, *products, **values):
        lines = [{"product_id": product.id, "quantity": 1} for product in products]
        return self.service._api_create_subscription(
            {"external_customer_id": self.link.external_id, "plan_id": self.recurrence.id, "lines": lines, **values}
        )

    def _get_sold(self):
        """Return what of the products the service may sell, by name."""
        sold = set()
        for name, product in self.products.items():
            try:
                with self.env.cr.savepoint():
                    [line] = self._open(product)["lines"]
                self.assertEqual(line["product_id"], product.id)
                sold.add(name)
            except NotFoundError as error:
                self.assertEqual((error.code, error.errors[0].path), ("product_not_found", "lines.0.product_id"))
                self.assertNotIn(product.name, error.message)
        return sold

    def test_what_a_service_may_sell(self):
        catalogue = {
            *("fee of a plan for all", "fee of an own plan", "charge of an own plan", "charge without a plan"),
            "fee of an own and another's plan",
        }
        cases = [
            # setting, what it adds to the catalogue
            ("saleable", {"any", "marked"}),
            ("catalogue", set()),
            ("marked", {"marked"}),
        ]
        for access, more in cases:
            with self.subTest(access):
                self.service.product_access = access
                self.assertEqual(self._get_sold(), catalogue | more)

    def test_a_service_may_sell_any_product_by_default(self):
        self.assertEqual(self._create_service().product_access, "saleable")

    def test_one_refused_line_refuses_the_subscription(self):
        before = self.env["sale.order"].search_count([])
        with self.assertRaises(NotFoundError) as caught:
            self._open(self.products["any"], self.products["fee of another's plan"])
        self.assertEqual(caught.exception.errors[0].path, "lines.1.product_id")
        self.assertEqual(self.env["sale.order"].search_count([]), before)

    def test_an_unknown_product_and_one_of_others_look_the_same(self):
        messages = []
        for product_id in (self.products["charge of another's plan"].id, 2**31 - 1):
            with self.assertRaises(NotFoundError) as caught:
                self._open(self.env["product.product"].browse(product_id))
            messages.append(caught.exception.message.replace(str(product_id), "N"))
        self.assertEqual(messages[0], messages[1])

    def test_a_plan_brings_its_own_products_whatever_the_setting(self):
        self.service.product_access = "catalogue"
        answer = self._open(plan_code=self.plan.code)
        self.assertEqual([line["product_id"] for line in answer["lines"]], [self.fee.id])

    def test_quantities_of_what_was_agreed_change_whatever_the_setting(self):
        answer = self._open(self.products["any"])
        self.service.product_access = "catalogue"
        order = self.env["sale.order"].browse(answer["subscription_id"])
        line = order.order_line
        changed = {"line_id": line.id, "quantity": 3}
        self.service._api_update_subscription({"subscription_external_id": str(order.id), "lines": [changed]})
        self.assertEqual(order.order_line.product_uom_qty, 3)

    def test_no_line_of_another_services_subscription_changes(self):
        other = self._create_subscription(service=self.other_service)
        own = self._create_subscription()
        with self.assertRaises(NotFoundError) as caught:
            self.service._api_update_subscription(
                {
                    "subscription_external_id": own.x_fc_external_id,
                    "lines": [{"line_id": other.order_line.id, "quantity": 3}],
                }
            )
        self.assertEqual(caught.exception.code, "line_not_found")
