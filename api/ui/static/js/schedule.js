// The schedule: plan from the live state, see it by station, see which orders keep their dates.

import { $, api, clock, duration, el, may, number, on, percent, probability, share, showProblem, site, start, t } from "./core.js";
import { follow, recalled, remember } from "./jobs.js";
import { back } from "./focus.js";
import { PlanEditor } from "./edit.js";
import { Gantt } from "./gantt.js";
import { worded } from "./phrases.js";
import { wireReport } from "./report.js";
import { explain, forget, named } from "./why.js";

/** Price of moving a bar by a second, in seconds of tardiness: a plan changes for a reason only. */
const STABILITY = 0.01;
const form = $("#schedule-form");
let model;
let gantt;
let editor;
let shown;
let releaser = false;

const called = (id) => model.stations.find((item) => item.id === id)?.name || id;

/** What a plan violates, with what else it is about and by how much; the check's own words as a tip. */
function broken({ kind, where, others, amount_s: amount, text }) {
  let what = t(`violation.${kind}`, { where: named(where, called) });
  if (others.length) what = t("violation.about", { what, others: others.map((id) => named(id, called)).join(", ") });
  if (amount !== null) what = t("violation.by", { what, amount: amount < 1 ? t("length.s", { n: "< 1" }) : duration(amount) });
  return el("li", { title: text, text: what });
}

/** What a plan does not know of its line; where that moves orders, by how much. */
function leftOut({ kind, elements, late_s: late, text }) {
  const said = t(`plan.left_out.${kind}`, { names: elements.map(called).join(", ") });
  const way = late === null ? "plan.never" : late > 0 ? "plan.later" : "plan.earlier";
  return el("li", { title: text, text: kind !== "times" ? said : t(way, { said, amount: duration(Math.abs(late)) }) });
}

/** Ask for a plan; `more` says what stays of the one in view. */
async function plan(event, more = {}) {
  event.preventDefault();
  $("#form-problem").replaceChildren();
  $("#plan").disabled = true;
  try {
    const job = await api("/v1/schedules", { method: "POST", body: { line_id: site.line.id,
      time_limit_s: Number(form.elements.time_limit.value),
      replications: Number(form.elements.replications.value), robust: form.elements.robust.checked, ...more } });
    remember("schedule", job.subject_id);
    await watch(job);
  } catch (error) {
    showProblem($("#form-problem"), error, form);
  } finally {
    $("#plan").disabled = false;
    // The button that was pressed may have nothing to do any more: go on at the plan.
    back(gantt?.canvas ?? $("#plan"));
  }
}

async function watch(job) {
  const done = await follow(job, $("#job"));
  if (done) show(await api(`/v1/schedules/${done.subject_id}`));
}

// ---------------------------------------------------------------- a planner's own hand

/** What the line makes of moved bars, in words: it waits for no moment, but has an order. */
function asTheLineDoes(kept) {
  if (!kept) return t("edit.stuck");
  const orders = kept.slice(0, 8).map((item) => `${item.order} ${item.completion_s > item.before_s ? "+" : "−"}${
    duration(Math.abs(item.completion_s - item.before_s))}`);
  return t("edit.kept", { orders: orders.join(", ") || "±0" });
}

let checks = 0;
/** Ask the server what a moved plan breaks; only the answer to the last move is shown. */
async function check() {
  showButtons();
  const mine = checks += 1;
  const place = $("#edit-check");
  if (!editor.edited) { place.replaceChildren(); return; }
  try {
    const found = await api(`/v1/schedules/${shown.id}:validate`, { method: "POST",
      body: { operations: editor.operations() } });
    if (mine !== checks) return;
    const objective = t("edit.objective", { before: number(found.objective_before, 1), after: number(found.objective, 1) });
    place.replaceChildren(found.feasible
      ? el("p", { class: "tag good", text: `✓ ${t("edit.holds")}` })
      : el("div", { class: "error" }, el("p", { class: "strong", text: t("edit.broken", { n: number(found.violations.length) }) }),
        el("ul", {}, found.violations.slice(0, 8).map(broken))),
    el("p", { text: asTheLineDoes(found.kept) }),
    el("p", { class: "muted small", text: objective }));
  } catch (error) {
    if (mine === checks) showProblem(place, error);
  }
}

function showButtons() {
  $("#edit-undo").disabled = $("#edit-discard").disabled = !editor.edited;
  $("#edit-lock").disabled = !gantt.picked;
  $("#edit-replan").disabled = !editor.operations(true).length;
  $("#release").disabled = editor.edited || Boolean(shown.released_at) || shown.result.violations.length > 0;
  $("#release").hidden = !releaser;
  $("#released").textContent = shown.released_at
    ? t("edit.released", { at: clock(shown.released_at, { seconds: false, day: true }) })
    : releaser ? "" : t("edit.release_needs");
}

async function release() {
  try {
    const { id, version } = shown;
    show(await api(`/v1/schedules/${id}:release`, { method: "POST", version }));
  } catch (error) {
    showProblem($("#edit-check"), error);
  }
}

function wireEditor() {
  editor = new PlanEditor(gantt, model, { changed: check, say: (text) => { $("#edit-said").textContent = text; } });
  gantt.canvas.addEventListener("pointerup", showButtons);
  gantt.canvas.addEventListener("keyup", showButtons);
  $("#edit-undo").addEventListener("click", () => editor.undo());
  $("#edit-lock").addEventListener("click", () => editor.toggleLock());
  $("#edit-discard").addEventListener("click", () => show(shown));
  $("#edit-replan").addEventListener("click", (event) => plan(event, { running_id: shown.id,
    locked: editor.operations(true) }));
  $("#replan").addEventListener("click", (event) => plan(event, { running_id: shown.id,
    freeze_s: 60 * Math.max(0, Number($("#freeze").value) || 0), stability: STABILITY }));
  $("#release").addEventListener("click", release);
}

// ---------------------------------------------------------------- what is shown

function fact(key, value, note = "") {
  return el("div", { "data-fact": key }, el("dt", { text: t(`fact.${key}`) }),
    el("dd", {}, value, note ? el("small", { text: ` ${note}` }) : null));
}

function show(view) {
  shown = view;
  const { result } = view;
  $("#plan-empty").hidden = true;
  if (!result.orders.length) { // nothing to draw, print or change
    const found = ["optimal", "feasible"].includes(result.status);
    $("#plan-empty p").textContent = found ? t("schedule.no_orders")
      : t("schedule.none_found", { status: t(`plan.${result.status}`), why: worded(result.message) });
    $("#plan-empty").hidden = false;
    $("#plan-result").hidden = true;
    return;
  }
  $("#plan-result").hidden = false;
  const late = result.orders.filter((order) => order.tardiness_s > 0).length;
  const atRisk = result.orders.filter((order) => order.on_time_probability?.mean < 0.5).length;
  const objective = t(`objective.${result.objective_name}`);
  $("#facts").replaceChildren(
    fact("status", t(`plan.${result.status}`)),
    fact("late", `${late} / ${result.orders.length}`),
    ...(result.replications ? [fact("at_risk", `${atRisk} / ${result.orders.length}`, t("fact.at_risk_note"))] : []),
    fact("objective", number(result.objective, 1),
      objective.startsWith("objective.") ? result.objective_name : objective),
    fact("bound", number(result.bound, 1)),
    fact("gap", percent(result.gap, 1)),
    fact("violations", result.violations.length ? number(result.violations.length) : t("plan.no_violations")),
    fact("elapsed", duration(result.elapsed_s), worded(result.solver)));
  $("#violations").replaceChildren(...result.violations.map(broken));
  $("#plan-warnings").hidden = !result.warnings.length;
  $("#plan-warnings").replaceChildren(...result.warnings.map(leftOut));
  $("#plan-message").textContent = worded(result.message);
  $("#plan-changes").replaceChildren(
    ...[...chosen(result.choice), ...changes(result.changes)].map((text) => el("p", { text })));
  forget();
  $("#plan-provenance").textContent = t("plan.provenance", {
    replications: number(result.replications), as_of: clock(result.provenance.as_of, { day: true }) });
  if (!gantt) {
    gantt = new Gantt($("#gantt"), model);
    wireEditor();
  }
  gantt.show(result);
  editor.clear();
  $("#edit-check").replaceChildren();
  showButtons();
  $("#plan-orders tbody").replaceChildren(...result.orders.map((order) => orderRow(order)));
}

/** From what a plan was chosen, in a sentence. */
function chosen(found) {
  if (!found) return [];
  return [t(found.changed ? "choice.other" : "choice.same", { plans: number(found.plans),
    late: duration(found.late_s), instead: duration(found.late_on_paper_best_s) })];
}

/** What a plan changes against the one before it, in sentences. */
function changes(found) {
  if (!found) return [];
  return [found.improved ? t("replan.says", { moved: number(found.moved), elsewhere: number(found.machine_changes),
    added: number(found.added) }) : t("replan.same"),
  ...(found.later.length ? [t("replan.later", { orders: found.later.join(", ") })] : [])];
}

function orderRow(order) {
  const time = (moment) => clock(moment, { seconds: false, day: true });
  return el("tr", { "data-order": order.order,
    onmouseenter: () => gantt.highlight(order.order), onmouseleave: () => gantt.highlight(null) },
  el("th", { scope: "row" }, el("i", { class: "swatch", style: { background: gantt.colour(order.order) } }), order.order),
  el("td", { text: model.products.find((item) => item.id === order.product)?.name || order.product }),
  el("td", { class: "num", text: number(order.quantity) }),
  el("td", { text: time(order.due_date) }),
  el("td", {}, time(order.completion), order.tardiness_s > 0
    ? el("span", { class: "tag bad", text: t("order.late", { late: duration(order.tardiness_s) }) }) : null),
  el("td", {}, probability(order.on_time_probability)),
  el("td", { class: "num" }, share(order.on_time_probability)),
  el("td", { text: order.completion_p50
    ? `${time(order.completion_p50)} – ${order.completion_p90 ? time(order.completion_p90) : t("order.beyond")}`
    : t("order.beyond") }),
  el("td", {}, el("button", { type: "button", class: "quiet", text: t("why.ask"),
    "aria-label": t("why.aria", { order: order.order }), onclick: () => explain(shown.id, order.order, called) })));
}

await start();
wireReport("schedule", "schedule", () => ({ view: shown,
  names: Object.fromEntries(model.stations.map((item) => [item.id, item.name || item.id])) }));
model = await api(`/v1/lines/${encodeURIComponent(site.line.id)}/model`);
form.addEventListener("submit", plan);
$("#plan").disabled = false;
releaser = await may("release");
$("#gantt-reset").addEventListener("click", () => gantt?.reset());
on("state", ({ state }) => gantt?.now(state.provenance.as_of));
const id = recalled("schedule");
if (id) {
  try {
    const found = await api(`/v1/schedules/${id}`);
    if (found.line_id === site.line.id) {
      if (found.result) show(found);
      else if (["queued", "running"].includes(found.status)) await watch(await api(`/v1/jobs/${found.job_id}`));
    }
  } catch (error) {
    if (error.status === 404) localStorage.removeItem("last.schedule");
    else showProblem($("#form-problem"), error);
  }
}
