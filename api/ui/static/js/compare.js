// Two to six ways to run the line, side by side, on the same luck.

import { $, api, clock, duration, el, namesIn, number, page, percent, plusMinus, showProblem, site, start, t } from "./core.js";
import { sayScenario } from "./changes.js";
import { back } from "./focus.js";
import { sentence, shown, tone, verdictTag } from "./figures.js";
import { follow, recalled, remember } from "./jobs.js";
import { draw } from "./charts.js";
import { wireMatters } from "./matters.js";
import { wireReport } from "./report.js";

const MOST = 6;
const form = $("#compare-form");
let model;
let kept = [];
let chosen = [];

function showChosen() {
  const by = new Map(kept.map((item) => [item.id, item]));
  chosen = chosen.filter((id) => by.has(id)).slice(0, MOST);
  $("#chosen").replaceChildren(...chosen.map((id) => el("li", { "data-scenario": id },
    el("div", {}, el("strong", { text: by.get(id).name }),
      el("div", { class: "muted small", text: sayScenario(by.get(id), model) })),
    el("button", { type: "button", class: "quiet", text: "✕",
      "aria-label": t("compare.remove", { name: by.get(id).name }), onclick: () => {
        chosen = chosen.filter((other) => other !== id);
        showChosen();
      } }))));
  const rest = kept.filter((item) => !chosen.includes(item.id));
  form.elements.add.replaceChildren(el("option", { value: "", text: t("compare.add") }),
    ...rest.map((item) => el("option", { value: item.id, text: item.name })));
  form.elements.add.disabled = !rest.length || chosen.length >= MOST;
  $("#none-kept").hidden = kept.length > 0;
  $("#run").disabled = !chosen.length;
}

async function run(event) {
  event.preventDefault();
  $("#form-problem").replaceChildren();
  $("#run").disabled = true;
  try {
    const job = await api(`/v1/scenarios/${chosen[0]}/runs`, { method: "POST", body: {
      compare_with: chosen.slice(1), horizon_s: 3600 * Number(form.elements.horizon.value),
      replications: Number(form.elements.replications.value), start: form.elements.start.value } });
    remember("run", job.subject_id);
    await watch(job);
  } catch (error) {
    showProblem($("#form-problem"), error, form);
  } finally {
    $("#run").disabled = !chosen.length;
    back($("#run"));
  }
}

async function watch(job) {
  $("#answer").hidden = true;
  const done = await follow(job, $("#job"), (id) => kept.find((item) => item.id === id)?.name ?? id);
  if (done) await show(done.subject_id);
}

/** One figure: as it is, then each scenario with its difference and what that says. */
function figureRow(rows) {
  const { scale, digits, name, unit } = shown(rows[0]);
  return el("tr", { "data-kpi": rows[0].kpi },
    el("th", { scope: "row" }, name, el("span", { class: "muted small", text: ` ${unit}` })),
    el("td", { class: "num" }, plusMinus(rows[0].base, digits, scale)),
    rows.map((row) => el("td", { class: "num", "data-scenario": row.scenario_id },
      plusMinus(row.value, digits, scale),
      el("div", { class: "small" }, verdictTag(row), row.relative === null ? null
        : el("span", { class: "muted", text: ` ${row.relative > 0 ? "+" : ""}${percent(row.relative, 1)}` })),
      row.replications_needed ? el("div", { class: "muted small",
        text: t("verdict.needed", { n: number(row.replications_needed) }) }) : null)));
}

function grouped(rows) {
  const groups = new Map();
  for (const row of rows) groups.set(row.kpi, [...(groups.get(row.kpi) ?? []), row]);
  return [...groups.values()];
}

async function show(id) {
  const results = await api(`/v1/runs/${id}/results`);
  const own = results.rows.filter((row) => !row.element);
  const others = results.scenarios.filter((one) => one.id !== "base");
  $("#answer").dataset.run = results.run_id;
  $("#verdicts").replaceChildren(...own.filter((row) => row.kpi === "throughput_rate").map((row) =>
    el("p", { class: "verdict" }, el("span", { class: tone(row), "aria-hidden": "true",
      text: { up: "▲ ", down: "▼ " }[tone(row)] ?? "" }), sentence(row))));
  $("#provenance").textContent = t("whatif.provenance", {
    replications: number(results.replications), horizon: duration(results.horizon_s),
    as_of: clock(results.provenance.as_of, { day: true }), level: number(100 * results.level) });
  $("#comparison thead tr").replaceChildren(el("th", { scope: "col", text: t("col.figure") }),
    el("th", { scope: "col", class: "num", text: t("whatif.base") }),
    ...others.map((one) => el("th", { scope: "col", class: "num", text: one.name })));
  $("#comparison tbody").replaceChildren(...grouped(own).map(figureRow));
  const orders = grouped(results.rows.filter((row) => row.kpi === "order_on_time" && row.base)
    .map((row) => ({ ...row, kpi: row.element })));
  $("#orders-card").hidden = !orders.length;
  $("#orders thead tr").replaceChildren(...[...$("#comparison thead tr").children].map((cell, at) =>
    at ? cell.cloneNode(true) : el("th", { scope: "col", text: t("col.order") })));
  $("#orders tbody").replaceChildren(...orders.map((rows) => el("tr", {},
    el("th", { scope: "row", text: rows[0].kpi }),
    el("td", { class: "num" }, plusMinus(rows[0].base, 0, 100)),
    rows.map((row) => el("td", { class: "num" }, plusMinus(row.value, 0, 100), " ", verdictTag(row))))));
  $("#answer").hidden = false;
  const label = t("whatif.chart_label", { answer: $("#verdicts").textContent });
  const brief = { ...results, rows: own };
  await Promise.all([draw($("#chart-comparison"), "comparison", brief, label),
    draw($("#chart-samples"), "samples", brief, label)]);
  chosen = others.map((one) => one.id);
}

async function recall() {
  const id = recalled("run");
  if (!id) return;
  try {
    const found = await api(`/v1/runs/${id}`);
    if (found.line_id !== site.line.id) return;
    if (found.status === "succeeded") await show(id);
    else if (found.status === "queued" || found.status === "running") await watch(await api(`/v1/jobs/${found.job_id}`));
  } catch (error) {
    if (error.status !== 404) showProblem($("#form-problem"), error);
  }
}

await start();
wireReport("comparison", "comparison", () => api(`/v1/runs/${$("#answer").dataset.run}/results`));
const query = new URLSearchParams({ line_id: site.line.id, limit: 1000 });
const [line, found] = await Promise.all([
  api(`/v1/lines/${encodeURIComponent(site.line.id)}/model`), api(`/v1/scenarios?${query}`)]);
model = line;
kept = found.items;
const asked = new URLSearchParams(location.search).get("scenarios");
if (asked) chosen = asked.split(",");
else await recall();
showChosen();
form.elements.add.addEventListener("change", () => {
  if (form.elements.add.value) chosen.push(form.elements.add.value);
  showChosen();
});
form.addEventListener("submit", run);
await wireMatters(namesIn(model));
