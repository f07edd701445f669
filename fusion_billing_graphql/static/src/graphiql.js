// Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
/* global GraphiQL, React, ReactDOM */
"use strict";

const root = document.getElementById("graphiql");
const defaultQuery = `# The header editor below takes {"Authorization": "Bearer KEY"}.
# Without it, back-office users ask with their session.
{
  viewer {
    service {
      name
    }
    scopes
  }
  customers(first: 10) {
    nodes {
      externalId
      name
    }
  }
}
`;

ReactDOM.createRoot(root).render(
    React.createElement(GraphiQL, {
        defaultQuery,
        fetcher: GraphiQL.createFetcher({ url: root.dataset.url }),
        isHeadersEditorEnabled: true,
        shouldPersistHeaders: false,
    })
);
