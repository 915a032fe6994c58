// What somebody does with the bank who has nothing but its description: every path, parameter, body and answer below is
// checked against it by the compiler.

import createClient from "openapi-fetch";
import type { components, paths } from "./bank.js";

declare const process: { argv: string[] };

const [, , baseUrl = "", key = ""] = process.argv;
const headers = { authorization: `Bearer ${key}` };
const bank = createClient<paths>({ baseUrl, headers });

function expect(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

async function open(account_id: string, initial_balance: number): Promise<void> {
  const body = { account_id, owner_name: account_id, initial_balance };
  const { response } = await bank.POST("/accounts", { body });
  expect(response.status === 201, `opening ${account_id}: ${response.status}`);
}

async function deposit(amount: number) {
  return await bank.POST("/accounts/{id}/deposits", {
    params: { path: { id: "alice" }, header: { "Idempotency-Key": "first" } },
    body: { amount },
  });
}

await open("alice", 1000);
await open("bob", 0);

// The same deposit twice is one; another one under its key is refused.
const first = await deposit(250);
const again = await deposit(250);
expect(first.data?.repeated === false && again.data?.repeated === true, "a repeat is told");
expect(first.data.sequence === again.data.sequence, "a repeat changes nothing");
const other = await deposit(999);
const problem: components["schemas"]["Problem"] | undefined = other.error;
expect(other.response.status === 422, `another body: ${other.response.status}`);
expect(problem?.type === "urn:annals:http:command_id_reused", `another body: ${problem?.type}`);

const moved = await bank.POST("/transfers", {
  params: { header: { Prefer: "wait=15" } },
  body: { from_account_id: "alice", to_account_id: "bob", amount: 50 },
});
expect(moved.data?.state === "completed", `the transfer: ${JSON.stringify(moved)}`);

// A query that presents the token knows of the transfer.
const token = { "Consistency-Token": moved.data.consistency_token };
const seen = await bank.GET("/accounts/{id}/summary", {
  params: { path: { id: "bob" }, header: token },
});
expect(seen.data?.balance === 50, `what queries see: ${JSON.stringify(seen)}`);
const listed = await bank.GET("/accounts", { params: { query: { limit: 1 }, header: token } });
expect(listed.data?.accounts.length === 1 && listed.data.next !== null, "a page and a next one");

// The feed tells what has happened, from the beginning.
const feed = await bank.GET("/events", {
  params: { query: { after: 0, event_types: "money_deposited" } },
  parseAs: "stream",
});
let told = "";
const decoder = new TextDecoder();
for await (const bytes of feed.data as ReadableStream<Uint8Array>) {
  told += decoder.decode(bytes, { stream: true });
  if (told.split("\ndata: ").length > 2) break;
}
expect(told.includes('"amount":250') && told.includes('"amount":50'), `the feed: ${told}`);

// What is refused is told as it is described.
const refused = await bank.POST("/accounts/{id}/withdrawals", {
  params: { path: { id: "bob" } },
  body: { amount: 51 },
});
expect(refused.error?.type === "urn:annals:bank:insufficient_funds", "what is refused is told");
expect(refused.error.status === refused.response.status, "with its status");
const missing = await bank.GET("/accounts/{id}", { params: { path: { id: "carol" } } });
expect(missing.error?.status === 404, "what does not exist is told");
