// What matters most: several settings vary at once over their ranges, tried in the twin.

import { $, api, assetUrl, clock, duration, el, number, percent, showProblem, site, t } from "./core.js";
import { shown } from "./figures.js";
import { back } from "./focus.js";
import { follow, recalled, remember } from "./jobs.js";
import { draw } from "./charts.js";

const form = $("#matters-form");
const MOST = 12;
const METHODS = {
  quick: { method: "morris", samples: 16 },
  exact: { method: "morris", samples: 64 },
  shares: { method: "sobol", samples: 128 },
};
const FIRST = ["processing time", "mttr", "place", "person"];
const FILES = ["csv", "xlsx", "parquet", "json"];

let known = [];
const rows = new Set();
const of = (kind) => known.filter((one) => one.kind === kind);

/** One setting: what it is, of what, and from where to where. */
class Row {
  constructor(kind, called) {
    this.called = called;
    const kinds = [...new Set(known.map((one) => one.kind))];
    this.kind = el("select", { "aria-label": t("matters.what"), name: "kind" }, kinds.map((one) =>
      el("option", { value: one, text: t(`gain.${one}`), selected: one === kind })));
    this.fields = el("div", { class: "stack" });
    this.node = el("div", { class: "change", role: "group", "aria-label": t("matters.label") },
      el("div", { class: "change-head" }, this.kind, el("button", { type: "button", class: "quiet", text: "✕",
        "aria-label": t("matters.remove"), onclick: () => { rows.delete(this); this.node.remove(); count(); } })),
      this.fields);
    this.kind.addEventListener("change", () => this.ask());
    this.ask();
  }

  ask() {
    const there = of(this.kind.value);
    const taken = new Set([...rows].filter((row) => row !== this && row.kind.value === this.kind.value)
      .map((row) => row.element.value));
    const free = there.filter((one) => !taken.has(one.element));
    const first = free[Math.floor(free.length / 2)] ?? there[0];
    this.element = el("select", { name: "element" }, there.map((one) => el("option", {
      value: one.element, text: this.called(one.element), selected: one === first })));
    this.element.addEventListener("change", () => this.range());
    this.span = el("div", { class: "fields" });
    this.fields.replaceChildren(el("label", {}, t("matters.element"), this.element), this.span);
    this.range();
  }

  range() {
    this.now = of(this.kind.value).find((one) => one.element === this.element.value).now;
    const box = (name, value, least) => el("input", { name, type: "number", value, min: least, max: 100000, step: 1, required: true });
    const [low, high] = this.now === null ? [80, 120]
      : [Math.max(1, Math.round(this.now / 2)), Math.max(2, 2 * this.now)];
    this.low = box("low", low, 1);
    this.high = box("high", high, 1);
    const counted = this.now === null ? "" : "_count";
    this.span.replaceChildren(el("label", {}, t(`matters.from${counted}`, { now: number(this.now ?? 0) }), this.low),
      el("label", {}, t(`matters.to${counted}`), this.high));
  }

  /** The setting as the API takes it, at its place among all: findings name it by that. */
  setting(at) {
    this.node.dataset.path = `settings.${at}`;
    const by = this.now ?? 100;
    return { kind: this.kind.value, element: this.element.value,
      low: Number(this.low.value) / by, high: Number(this.high.value) / by };
  }
}

function add(kind, called) {
  const row = new Row(kind, called);
  rows.add(row);
  $("#matters-settings").append(row.node);
  count();
  return row;
}

function count() {
  $("#matters-add").disabled = rows.size >= MOST;
  $("#matters-ask").disabled = rows.size < 2;
}

const said = (one, called) => t("gain.named", { kind: t(`gain.${one.kind}`), element: called(one.element) });

/** From where to where, in pieces where it is counted now, else as shares. */
function span(one) {
  const now = of(one.kind).find((item) => item.element === one.element)?.now ?? null;
  return now === null ? `${number(100 * one.low)} – ${percent(one.high)}`
    : `${number(Math.round(now * one.low))} – ${number(Math.round(now * one.high))}`;
}

/** What is to be done with the answer, a sentence for each kind of setting. */
function advice(result, called) {
  const named = (wanted) => result.influences.filter(wanted).map((one) => said(one, called)).join(", ");
  const lists = {
    matters: named((one) => one.says === "matters"),
    together: named((one) => one.says === "matters" && one.together),
    hardly: named((one) => one.says === "hardly matters"),
    open: named((one) => one.says === "not told"),
  };
  return Object.entries(lists).filter(([, list]) => list).map(([key, list]) =>
    el("li", { "data-advice": key, text: t(`matters.do.${key}`, { list }) }));
}

function verdict(result, { name, unit, scale, digits }, called) {
  const [best] = result.influences;
  const told = (value) => number(scale * value, digits);
  if (best.says === "hardly matters") {
    return t("matters.flat", { figure: name, unit, low: told(result.lowest), high: told(result.highest) });
  }
  if (best.says !== "matters") return t("matters.open");
  const share = (value) => number(100 * Math.min(1, Math.max(0, value)));
  const size = result.method === "morris" ? told : share;
  return t(`matters.says.${result.method}`, { what: said(best, called), figure: name, unit, size: size(best.value),
    low: size(Math.max(0, best.value_low)), high: size(best.value_high) });
}

async function show(id, result, called) {
  const figure = { ...shown({ kpi: result.figure, unit: result.unit }), name: t(`chart.${result.figure}`) };
  const { name, unit, scale, digits } = figure;
  const morris = result.method === "morris";
  const flat = result.influences[0].says === "hardly matters";
  $("#matters-result").hidden = false;
  $("#matters-verdict").textContent = verdict(result, figure, called);
  $("#matters-advice").replaceChildren(...(flat ? [] : advice(result, called)));
  const told = (value) => number(scale * value, digits);
  $("#matters-provenance").textContent = [
    t("matters.span", { points: number(result.points), figure: name, unit, low: told(result.lowest),
      high: told(result.highest), mean: told(result.mean) }),
    t("matters.provenance", { as_of: clock(result.provenance.as_of, { day: true }),
      length: duration(result.horizon_s), n: number(result.replications) })].join(" ");
  $("#matters-effect").textContent = morris ? t("matters.effect", { unit }) : t("matters.part");
  $("#matters-grows").textContent = morris ? t("matters.grows", { figure: name }) : "";
  const by = morris ? scale : 100;
  const size = (value) => number(by * value, morris ? digits : 0);
  $("#matters tbody").replaceChildren(...result.influences.map((one) => el("tr", { "data-setting": `${one.kind} ${one.element}` },
    el("th", { scope: "row", text: said(one, called) }), el("td", { class: "num", text: span(one) }),
    el("td", { class: "num" }, el("span", { class: "strong", text: size(one.value) }),
      el("div", { class: "muted small", text: `${size(Math.max(0, one.value_low))} … ${size(one.value_high)}` })),
    el("td", { text: !morris ? "" : one.says === "hardly matters" ? "–" : t(`matters.${one.direction}`) }),
    el("td", {}, el("span", { class: `tag ${one.says === "matters" ? "warn" : ""}`, text: t(`matters.${one.says}`) }),
      one.together && one.says === "matters" ? el("div", { class: "muted small", text: t("matters.together") }) : null))));
  $("#matters-files").replaceChildren(...FILES.map((kind) => el("a", { class: "button", download: true, text: kind,
    href: assetUrl(`/v1/screenings/${id}/export?format=${kind}`), "aria-label": t("matters.as", { kind }) })));
  await draw($("#chart-matters"), "screening", { ...result,
    influences: result.influences.map((one) => ({ ...one, element: called(one.element) })) }, t("matters.chart"));
}

async function ask(called, watch) {
  $("#matters-problem").replaceChildren();
  $("#matters-ask").disabled = true;
  try {
    const job = await api("/v1/screenings", { method: "POST", body: { line_id: site.line.id,
      settings: [...rows].map((row, at) => row.setting(at)), figure: form.elements.figure.value,
      horizon_s: 3600 * Number(form.elements.horizon.value), ...METHODS[form.elements.method.value] } });
    remember("screening", job.subject_id);
    await watch(job);
  } catch (error) {
    showProblem($("#matters-problem"), error, form);
  } finally {
    count();
    back($("#matters-ask"));
  }
}

/** Wire the form; `called` gives the name of a station or buffer by its id. */
export async function wireMatters(called) {
  known = (await api(`/v1/lines/${encodeURIComponent(site.line.id)}/settings`)).items;
  for (const kind of FIRST.filter((one) => of(one).length)) add(kind, called);
  if (rows.size < 2) add(known[0].kind, called);
  const watch = async (job) => {
    $("#matters-result").hidden = true;
    const done = await follow(job, $("#matters-job"));
    if (done) await show(done.subject_id, (await api(`/v1/screenings/${done.subject_id}`)).result, called);
  };
  $("#matters-add").addEventListener("click", () => add(known[0].kind, called).kind.focus());
  form.addEventListener("submit", (event) => { event.preventDefault(); ask(called, watch); });
  const id = recalled("screening");
  if (!id) return;
  try {
    const found = await api(`/v1/screenings/${id}`);
    if (found.line_id !== site.line.id) return;
    if (found.result) await show(id, found.result, called);
    else if (["queued", "running"].includes(found.status)) await watch(await api(`/v1/jobs/${found.job_id}`));
  } catch (error) {
    if (error.status === 404) localStorage.removeItem("last.screening");
    else showProblem($("#matters-problem"), error);
  }
}
