// Runs the audits of graphql-http, which are the official ones of "GraphQL over HTTP", and prints the results.
import { auditServer } from "graphql-http";

const [url, key] = process.argv.slice(2);
const fetchFn = (address, options = {}) => {
    const headers = { ...options.headers, authorization: `Bearer ${key}` };
    return fetch(address, { ...options, headers, signal: AbortSignal.timeout(60_000) });
};
const results = await auditServer({ url, fetchFn });
console.log(JSON.stringify(results.map(({ id, name, status, reason = null }) => ({ id, name, status, reason }))));
