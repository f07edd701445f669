// Asks with graphql-request: one {"document", "variables"} per line of the input, one answer per line of the output.
// graphql-request does not know the schema: graphql checks each document against the printed one before it is sent.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { buildSchema, parse, validate } from "graphql";
import { ClientError, GraphQLClient } from "graphql-request";

const [url, key, schemaFile] = process.argv.slice(2);
const schema = buildSchema(readFileSync(schemaFile, "utf8"));
const client = new GraphQLClient(url, { headers: { authorization: `Bearer ${key}` } });

async function answerTo({ document, variables }) {
    const faults = validate(schema, parse(document));
    if (faults.length) {
        return { failure: `not valid: ${faults.map((fault) => fault.message).join("; ")}` };
    }
    try {
        const signal = AbortSignal.timeout(60_000);
        return { data: await client.request({ document, variables, signal }) };
    } catch (error) {
        if (error instanceof ClientError && error.response.errors) {
            return { data: error.response.data, errors: error.response.errors };
        }
        return { failure: String(error) };
    }
}

for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await answerTo(JSON.parse(line))));
}
