# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.tests import tagged

from .common import BillingHttpCase
from .parity import ParityMixin


@tagged("post_install", "-at_install")
class TestParity(ParityMixin, BillingHttpCase):
    """REST and JSON-RPC."""
