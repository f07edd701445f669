# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from . import models
