// Signing in: a key becomes a cookie that no script can read.

import { $, api, showProblem } from "./core.js";

async function enter(key) {
  try {
    await api("/v1/session", { method: "POST", body: { key } });
    location.assign(document.body.dataset.root + "/");
  } catch (error) {
    showProblem($("#form-problem"), error);
  }
}

$("#login-form").addEventListener("submit", (event) => {
  event.preventDefault();
  enter($("#key").value.trim());
});
const given = new URLSearchParams(location.hash.slice(1)).get("key");
if (given) {
  history.replaceState(null, "", location.pathname);
  enter(given);
}
