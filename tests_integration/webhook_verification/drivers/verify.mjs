// Checks deliveries with the packages of npm: reads {"secret", "deliveries"}, prints {package: [accepted, ...]}.
import { readFileSync } from "node:fs";
import * as standardwebhooks from "standardwebhooks";
import * as svix from "svix";

const { secret, deliveries } = JSON.parse(readFileSync(0, "utf8"));

function accepts({ Webhook, WebhookVerificationError }, { body, headers }) {
    try {
        new Webhook(secret).verify(body, headers);
        return true;
    } catch (error) {
        if (error instanceof WebhookVerificationError) {
            return false;
        }
        throw error;
    }
}

const verdicts = {};
for (const [name, module] of Object.entries({ standardwebhooks, svix })) {
    verdicts[name] = deliveries.map((delivery) => accepts(module, delivery));
}
console.log(JSON.stringify(verdicts));
