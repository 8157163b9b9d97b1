// What-if: compose changes, run them from the live state, compare.

import { $, api, clock, duration, el, number, page, showProblem, site, start, t } from "./core.js";
import { ChangeCard, cardsOf } from "./changes.js";
import { ALIKE, comparisonRow, sentence, shown, tone } from "./figures.js";
import { follow, recalled, remember } from "./jobs.js";
import { draw } from "./charts.js";
import { wireReport } from "./report.js";

const form = $("#whatif-form");
const cards = new Set();
let model;
let named = false;

function addCard(kind, values) {
  const card = new ChangeCard(model, { kind, values, changed: suggestName,
    remove: (gone) => { cards.delete(gone); suggestName(); } });
  cards.add(card);
  $("#changes").append(card.node);
  suggestName();
  return card;
}

function suggestName() {
  $("#no-change").hidden = cards.size > 0;
  if (named) return;
  form.elements.name.value = [...cards].map((card) => card.say()).join(" + ").slice(0, 120);
}

function scenario() {
  const horizon_s = 3600 * Number(form.elements.horizon.value);
  const to = { changes: {}, faults: [], events: [], horizon_s, now_s: site.state?.time_s ?? 0 };
  for (const card of cards) card.apply(to);
  return { line_id: site.line.id, name: form.elements.name.value.trim() || t("whatif.unnamed"),
    changes: to.changes, faults: to.faults, events: to.events };
}

/** Ready-made questions for a first try. */
function offerTries() {
  const middle = model.stations[Math.floor(model.stations.length / 3)].id;
  const tries = [["breakdown", { station: middle, minutes: 45 }], ["speed", { station: middle, speed: 110 }],
    ["order", {}]];
  if (model.buffers.length) tries.splice(1, 0, ["buffer", { buffer: model.buffers.at(-1).id }]);
  $("#tries").replaceChildren(...tries.map(([kind, values]) => {
    const card = new ChangeCard(model, { kind, values, changed: () => {}, remove: () => {} });
    return el("button", { type: "button", text: card.say(), onclick: () => {
      for (const old of cards) old.node.remove();
      cards.clear();
      named = false;
      addCard(kind, values);
      form.requestSubmit();
    } });
  }));
}

async function run(event) {
  event.preventDefault();
  const button = $("#run");
  $("#form-problem").replaceChildren();
  button.disabled = true;
  try {
    const made = await api("/v1/scenarios", { method: "POST", body: scenario() });
    const job = await api(`/v1/scenarios/${made.id}/runs`, { method: "POST", body: {
      horizon_s: 3600 * Number(form.elements.horizon.value),
      replications: Number(form.elements.replications.value),
      start: form.elements.start.value,
    } });
    remember("run", job.subject_id);
    await watch(job);
  } catch (error) {
    showProblem($("#form-problem"), error, form);
  } finally {
    button.disabled = false;
    if (!$("[aria-invalid]", form)) button.focus();
  }
}

async function watch(job) {
  $("#answer").hidden = true;
  $("#answer-empty").hidden = true;
  const done = await follow(job, $("#job"), () => form.elements.name.value);
  if (done) await show(done.subject_id);
  else { $("#answer-empty").hidden = false; $("#answer-empty p").textContent = t("whatif.cancelled"); }
  await recent();
}

async function show(id) {
  const results = await api(`/v1/runs/${id}/results`);
  const own = results.rows.filter((row) => !row.element);
  const main = own.find((row) => row.kpi === "throughput_rate") ?? own[0];
  $("#answer").dataset.run = results.run_id;
  $("#verdict").replaceChildren(el("span", { class: tone(main), "aria-hidden": "true",
    text: { up: "▲ ", down: "▼ " }[tone(main)] ?? "" }), sentence(main));
  $("#provenance").textContent = t("whatif.provenance", {
    replications: number(results.replications), horizon: duration(results.horizon_s),
    as_of: clock(results.provenance.as_of, { day: true }), level: number(100 * results.level) });
  $("#comparison tbody").replaceChildren(...own.map((row) => comparisonRow(row)));
  $("#comparison .scenario-name").textContent = results.scenarios.at(-1).name;
  showElements(results, "orders", (row) => row.kpi.startsWith("order_"));
  showElements(results, "stations", (row) => ["oee_index"].includes(row.kpi));
  $("#answer").hidden = false;
  $("#answer-empty").hidden = true;
  const label = t("whatif.chart_label", { answer: $("#verdict").textContent });
  const brief = { ...results, rows: own };
  await Promise.all([draw($("#chart-comparison"), "comparison", brief, label),
    draw($("#chart-samples"), "samples", brief, label)]);
}

function showElements(results, kind, wanted) {
  const rows = results.rows.filter((row) => row.element && wanted(row)
    && (row.base || row.value) && row.verdict !== ALIKE);
  const place = $(`#${kind}-differences`);
  place.hidden = !rows.length;
  const names = new Map(model.stations.map((item) => [item.id, item.name || item.id]));
  const name = (row) => `${names.get(row.element) ?? row.element}: ${shown(row).name}`;
  $("tbody", place).replaceChildren(...rows.map((row) => comparisonRow(row, name)));
  $(".count", place).textContent = number(rows.length);
}

async function recent() {
  const query = new URLSearchParams({ line_id: site.line.id, limit: 100 });
  const [runs, scenarios] = await Promise.all([api(`/v1/runs?${query}`), api(`/v1/scenarios?${query}`)]);
  const names = new Map(scenarios.items.map((item) => [item.id, item.name]));
  const newest = [...runs.items].sort((a, b) => (a.created_at < b.created_at ? 1 : -1)).slice(0, 8);
  $("#recent-card").hidden = !newest.length;
  $("#recent").replaceChildren(...newest.map((item) => el("tr", {},
    el("th", { scope: "row" }, el("a", {
      href: `${page.whatif}?${new URLSearchParams({ line: site.line.id, run: item.id })}`,
      text: item.scenario_ids.map((id) => names.get(id) ?? id).join(", ") })),
    el("td", { class: "muted", text: t(`job.${item.status}`) }),
    el("td", { class: "num muted", text: clock(item.created_at, { seconds: false }) }))));
}

/** Put a kept scenario into the form; a run of it is a scenario of its own. */
async function open(id) {
  try {
    const found = await api(`/v1/scenarios/${encodeURIComponent(id)}`);
    form.elements.name.value = found.name;
    named = true;
    for (const [kind, values] of cardsOf(found, model)) addCard(kind, values);
  } catch (error) {
    showProblem($("#form-problem"), error);
  }
}

async function recall() {
  const fresh = asked.get("scenario") || asked.get("fresh");
  const id = fresh && !asked.get("run") ? null : recalled("run");
  if (!id) return;
  try {
    const found = await api(`/v1/runs/${id}`);
    if (found.line_id !== site.line.id) return;
    if (found.status === "succeeded") await show(id);
    else if (found.status === "queued" || found.status === "running") await watch(await api(`/v1/jobs/${found.job_id}`));
  } catch (error) {
    if (error.status === 404) localStorage.removeItem("last.run");
    else showProblem($("#form-problem"), error);
  }
}

await start();
wireReport("comparison", "comparison", () => api(`/v1/runs/${$("#answer").dataset.run}/results`));
model = await api(`/v1/lines/${encodeURIComponent(site.line.id)}/model`);
const asked = new URLSearchParams(location.search);
if (asked.get("scenario")) await open(asked.get("scenario"));
else addCard("breakdown", asked.get("station") ? { station: asked.get("station") } : {});
form.elements.name.addEventListener("input", () => { named = form.elements.name.value !== ""; });
$("#add-change").addEventListener("click", () => addCard("buffer", {}).kind.focus());
form.addEventListener("submit", run);
offerTries();
$("#run").disabled = false;
await Promise.all([recall(), recent()]);
