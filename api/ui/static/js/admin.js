// How the site stands: connections, webhooks and their deliveries, audit trail. Seen by those who may.

import { showKeys, sureButton, wireSecrets } from "./secrets.js";
import { worded } from "./phrases.js";
import { $, api, clock, el, may, number, on, showProblem, start, t, watchWidths } from "./core.js";

const OPEN = ["queued", "running"];
const ENTRIES = 200;
const moment = (at) => clock(at, { day: true });
const told = (key, value) => el("div", { "data-fact": key }, el("dt", { text: t(key) }), el("dd", {}, value));

function secured(mapping) {
  const { mode = "None" } = mapping.security ?? {};
  return { SignAndEncrypt: t("admin.secure"), Sign: t("admin.signed") }[mode] ?? t("admin.open");
}

async function connection({ id }) {
  const [status, mapping] = await Promise.all([api(`/v1/connections/${encodeURIComponent(id)}/status`),
    api(`/v1/connections/${encodeURIComponent(id)}/mapping`)]);
  return el("article", { "data-connection": id }, el("h3", { text: id }), el("dl", { class: "facts" },
    told("fact.endpoint", status.endpoint), told("fact.link", t(`source.${status.state}`)), told("admin.since", moment(status.since)),
    told("fact.quality", t(`quality.${status.quality}`)), told("fact.received", number(status.received)),
    told("admin.trust", secured(mapping.mapping)),
    status.last_error ? told("admin.last_error", worded(status.last_error)) : null),
  el("details", {}, el("summary", { text: t("admin.mapping_hash", { hash: mapping.mapping_hash.slice(0, 12) }) }),
    el("pre", { tabindex: "0", text: JSON.stringify(mapping.mapping, null, 1) })));
}

async function showConnections() {
  const found = await api("/v1/connections");
  $("#no-connections").hidden = found.items.length > 0;
  $("#connections").replaceChildren(...await Promise.all(found.items.map(connection)));
}

async function webhook(hook) {
  const sent = await api(`/v1/webhooks/${hook.id}/deliveries?limit=20`);
  const head = ["admin.at", "admin.tells", "col.status", "admin.attempts", "admin.answer"];
  const remove = sureButton("remove", t("remove.aria", { url: hook.url }), async () => {
    try {
      await api(`/v1/webhooks/${hook.id}`, { method: "DELETE", version: hook.version });
      await showWebhooks();
    } catch (error) {
      showProblem($("#hook-problem"), error);
    }
  });
  return el("article", { "data-webhook": hook.id },
    el("div", { class: "card-head" }, el("h3", { text: hook.url }), remove),
    el("p", { class: "muted small", text: [hook.events.map((name) => t(`news.${name}`)).join(", "), hook.description].filter(Boolean).join(" – ") }),
    sent.items.length ? el("div", { class: "table-wrap" }, el("table", { "aria-label": t("admin.deliveries") },
      el("thead", {}, el("tr", {}, head.map((key) => el("th", { scope: "col", text: t(key) })))),
      el("tbody", {}, sent.items.map((item) => el("tr", {}, el("td", { text: moment(item.created_at) }), el("td", { text: item.event }),
        el("td", {}, el("span", { class: `tag ${{ delivered: "good", failed: "bad" }[item.status] ?? ""}`, text: t(`admin.${item.status}`) })),
        el("td", { text: number(item.attempts) }), el("td", { class: "muted", text: worded(item.answer) }))))))
      : el("p", { class: "muted", text: t("admin.no_deliveries") }));
}

async function showWebhooks() {
  const found = await api("/v1/webhooks");
  $("#no-webhooks").hidden = found.items.length > 0;
  $("#webhooks").replaceChildren(...await Promise.all(found.items.map(webhook)));
  watchWidths($("#webhooks"));
}

/** The trail is told oldest first, so its last part is looked for. */
async function showAudit() {
  let [kept, cursor] = [[], ""];
  do {
    const part = await api(`/v1/audit?${new URLSearchParams({ limit: 1000, ...(cursor ? { cursor } : {}) })}`);
    kept = [...kept, ...part.items].slice(-ENTRIES);
    cursor = part.next_cursor;
  } while (cursor);
  $("#no-audit").hidden = kept.length > 0;
  $("#audit").hidden = !kept.length;
  $("#audit tbody").replaceChildren(...kept.reverse().map((entry) => el("tr", { "data-entry": entry.number },
    el("td", { class: "num muted", text: number(entry.number) }), el("td", { text: moment(entry.at) }), el("td", { text: entry.who }),
    el("td", { text: entry.action }), el("td", { class: "muted", title: entry.sha256, text: entry.subject }))));
}

/** A site that is not ready answers 503, and says what is missing. */
const readiness = () => api("/readyz").catch((error) => {
  if (error.document.checks) return error.document;
  throw error;
});

async function showSite() {
  const [session, ready, ...jobs] = await Promise.all([api("/v1/session"), readiness(),
    ...OPEN.map((status) => api(`/v1/jobs?status=${status}&limit=1000`))]);
  $("#session").textContent = t("admin.session_says", { id: session.id, scope: t(`scope.${session.scope}`) });
  $("#facts").replaceChildren(told("admin.version", ready.version),
    told("admin.jobs", number(jobs.reduce((sum, found) => sum + found.items.length, 0))),
    ...Object.entries(ready.checks).map(([name, found]) => told(`admin.check_${name}`,
      el("span", { class: `tag ${found === "ok" ? "good" : "bad"}`, text: worded(found) }))));
  return session;
}

async function show() {
  try {
    const [session, admin] = await Promise.all([showSite(), may("admin"), showConnections()]);
    for (const node of document.querySelectorAll(".needs-admin")) {
      node.hidden = admin;
      node.textContent = t("admin.needs", { scope: "admin", have: session.scope, command: "twin keys create NAME --scope admin" });
    }
    for (const node of document.querySelectorAll(".for-admin")) node.hidden = !admin;
    if (admin) await Promise.all([showKeys(), showWebhooks(), showAudit()]);
  } catch (error) {
    showProblem($("#page-problem"), error);
  }
}

await start();
wireSecrets(showWebhooks);
await show();
on("job", () => showSite().catch(() => {}));
