// A life of an account by openapi-fetch, typed by what openapi-typescript made of the document.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

const base = "/authentication/api" as const;
const client = createClient<paths>({ baseUrl: process.argv[2] ?? "" });
const account = {
  username: "fetcher",
  email: "fetcher@example.org",
  password: "quartz-lantern-42",
  organizationType: "NGO",
  organizationName: "Rivers",
  country: "South Africa",
  first_name: "Ada",
  last_name: "Byron",
};

const refused = await client.POST(`${base}/register/`, { body: { ...account, email: "nobody" } });
const sentences: string[] | undefined = refused.error && "email" in refused.error ? refused.error.email : [];
assert.deepEqual(sentences, ["Enter a valid email address."]);
const { data: user } = await client.POST(`${base}/register/`, { body: account });
assert.equal(user?.username, account.username);

const { email, password } = account;
const { data: session } = await client.POST(`${base}/login/`, {
  body: { email, password },
  params: { query: { app: "mobile" } },
});
assert.equal(session?.user_id, user.id);
const { data: renewed } = await client.POST(`${base}/refresh/`, {
  body: { refresh: session.refresh_token },
});
const headers = { Authorization: `Bearer ${renewed?.access}` };
const { data: status } = await client.GET(`${base}/check-auth-status/`, { headers });
assert.equal(status?.email, email);
const { data: farewell } = await client.POST(`${base}/logout/`, { headers });
assert.equal(farewell?.message, "Logout successful");
const { response } = await client.GET(`${base}/check-auth-status/`, { headers });
assert.equal(response.status, 401);
