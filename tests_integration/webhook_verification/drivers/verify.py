"""Checks deliveries with the packages of PyPI: reads {"secret", "deliveries"}, prints {package: [accepted, ...]}."""

import json
import sys

import standardwebhooks
import svix.webhooks


def accepts(package, secret, delivery):
    try:
        package.Webhook(secret).verify(delivery["body"], delivery["headers"])
    except package.WebhookVerificationError:
        return False
    return True


asked = json.load(sys.stdin)
packages = {"standardwebhooks": standardwebhooks, "svix": svix.webhooks}
print(
    json.dumps(
        {
            name: [accepts(package, asked["secret"], delivery) for delivery in asked["deliveries"]]
            for name, package in packages.items()
        }
    )
)
