# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from . import sale_subscription_plan
from . import fusion_subscription_period
from . import fusion_subscription_pause
from . import product_template
from . import sale_order
from . import sale_order_invoicing
from . import sale_order_line
