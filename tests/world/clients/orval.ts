// A life of an account by the client that orval made of the document.
import assert from "node:assert/strict";
import * as api from "./client.js";

const account = {
  username: "orca",
  email: "orca@example.org",
  password: "quartz-lantern-42",
  organizationType: "NGO",
  organizationName: "Rivers",
  country: "South Africa",
  first_name: "Ada",
  last_name: "Byron",
};

const refused = await api.register({ ...account, email: "nobody" });
assert(refused.status === 400);
assert.deepEqual(refused.data.email, ["Enter a valid email address."]);
const registered = await api.register(account);
assert(registered.status === 201);

const { email, password } = account;
const opened = await api.login({ email, password }, { app: "mobile" });
assert(opened.status === 200);
assert.equal(opened.data.user_id, registered.data.id);
const renewed = await api.refresh({ refresh: opened.data.refresh_token });
assert(renewed.status === 200);
const options = { headers: { Authorization: `Bearer ${renewed.data.access}` } };
const status = await api.checkAuthStatus(options);
assert(status.status === 200);
assert.equal(status.data.email, email);
const farewell = await api.logout(options);
assert(farewell.status === 200);
assert.equal(farewell.data.message, "Logout successful");
assert.equal((await api.checkAuthStatus(options)).status, 401);
