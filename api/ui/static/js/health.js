// Whether the line does as its model says: pace, failures, link, gaps, and the forecaster.

import { $, api, clock, duration, el, number, percent, showProblem, site, start, t } from "./core.js";
import { worded } from "./phrases.js";
import { showModel } from "./scores.js";

const EVERY_MS = 60_000;
const WIDTH = 0.2;
const form = $("#window-form");
let names = new Map();
const path = () => `/v1/lines/${encodeURIComponent(site.line.id)}`;
const called = (id) => names.get(id) ?? id;
const moment = (at) => clock(at, { day: true });
const fact = (key, value, note = "", title = null) => el("div", { "data-fact": key },
  el("dt", { text: t(`fact.${key}`) }), el("dd", { title }, value, note ? el("small", { text: ` ${note}` }) : null));

/** What the figures say, as glyph and word. */
function fitTag(group, fit) {
  const known = fit === "above" || fit === "below";
  const bad = known && (group === "pace" ? fit === "below" : fit === "above");
  const sign = { above: "▲", below: "▼", agrees: "=", unknown: "?" }[fit];
  return el("span", { class: `tag ${known ? (bad ? "bad" : "warn") : ""}` },
    el("span", { "aria-hidden": "true", text: sign }), t(known ? `fit.${group}_${fit}` : `fit.${fit}`));
}

/** An interval around 100 %, drawn; the middle of the track is the plan. */
function paceBar(pace) {
  if (!pace) return el("span", { class: "muted", text: "–" });
  const at = (value) => `${50 + 50 * Math.min(1, Math.max(-1, (value - 1) / WIDTH))}%`;
  return el("span", { class: "interval planned", role: "img", "aria-label": t("fit.pace_aria",
    { pace: percent(pace.mean, 1), low: percent(pace.low, 1), high: percent(pace.high, 1) }) },
  el("i", { class: "track" }), el("i", { class: "plan" }),
  el("i", { class: "span", style: { left: at(pace.low), right: `calc(100% - ${at(pace.high)})` } }),
  el("i", { class: "dot", style: { left: at(pace.mean) } }));
}

function showFit(found) {
  const rows = [...found.paces.map((row) => ({ ...row, group: "pace" })),
    ...found.failures.map((row) => ({ ...row, group: "failures" }))];
  const off = rows.filter((row) => row.fit === "above" || row.fit === "below");
  const length = duration(found.observed_s);
  const say = (row) => [called(row.station), row.mode ? mode(row) : null, t(`fit.${row.group}_${row.fit}`)].filter(Boolean).join(" ");
  $("#verdict").textContent = !rows.length ? t("health.nothing")
    : rows.every((row) => row.fit === "unknown") ? t("health.little", { length })
    : !off.length ? t("health.agrees", { length })
    : t("health.differs", { length, n: number(off.length), all: number(rows.length), list: off.map(say).join(", ") });
  $("#provenance").textContent = t("health.provenance", { as_of: moment(found.provenance.as_of), level: number(100 * found.level) });
  $("#paces tbody").replaceChildren(...found.paces.map((row) => el("tr", { "data-station": row.station, "data-fit": row.fit },
    el("th", { scope: "row", text: called(row.station) }), el("td", { class: "num", text: number(row.processed) }),
    el("td", {}, paceBar(row.pace)),
    el("td", { class: "num pace" }, row.pace ? [percent(row.pace.mean, 1), el("span", { class: "half", text: ` ± ${number(100 * row.pace.half_width, 1)}` })] : "–"),
    el("td", {}, fitTag("pace", row.fit)))));
  $("#failures tbody").replaceChildren(...found.failures.map((row) => el("tr", { "data-station": row.station, "data-fit": row.fit },
    el("th", { scope: "row", text: called(row.station) }), el("td", { text: mode(row) }),
    el("td", { class: "num expected", text: number(row.expected, 1) }), el("td", { class: "num strong seen", text: number(row.seen) }),
    el("td", { class: "num muted", text: `${number(row.low, 1)}–${number(row.high, 1)}` }), el("td", {}, fitTag("failures", row.fit)))));
}

const mode = (row) => (row.mode === "outage" ? t("fit.outage") : row.mode.replaceAll("_", " "));

function showGaps(gaps) {
  $("#no-gaps").hidden = gaps.length > 0;
  $("#gaps").hidden = !gaps.length;
  $("#gaps tbody").replaceChildren(...[...gaps].reverse().map((gap) => el("tr", {},
    el("td", { text: moment(gap.begin) }), el("td", { text: gap.end ? moment(gap.end) : t("health.gap_open") }),
    el("td", { class: "num", text: gapLength(gap) }),
    el("td", { class: "node", text: gap.node || t("health.all_nodes") }),
    el("td", { class: "muted", text: worded(gap.reason) }))));
}

// Where the plant's clock was set nothing is missing: the time between its two times is no length.
function gapLength(gap) {
  const step = gap.clock_step_s;
  if (step) return t("health.clock_step", { by: `${step > 0 ? "+" : ""}${duration(step)}` });
  return gap.end ? duration((Date.parse(gap.end) - Date.parse(gap.begin)) / 1000) : "–";
}

async function showLink() {
  const line = await api(path());
  const facts = [fact("model", line.model_hash.slice(0, 12), "", line.model_hash),
    fact("link", t(`link.${line.link.status}`), line.link.since ? `${t("admin.since")} ${moment(line.link.since)}` : "")];
  if (line.link.status !== "none") {
    const found = await api(`/v1/connections/${encodeURIComponent(site.line.id)}/status`);
    facts.push(fact("endpoint", found.endpoint), fact("quality", t(`quality.${found.quality}`)),
      fact("received", number(found.received)), fact("duplicates", number(found.duplicates)),
      fact("missing", number(found.missing.length), found.missing.slice(0, 3).join(", ")),
      fact("skew", found.skew_s === null ? "–" : duration(found.skew_s)));
  }
  $("#facts").replaceChildren(...facts);
}

async function showForecaster() {
  const models = await api(`/v1/models?${new URLSearchParams({ line_id: site.line.id })}`);
  const chosen = models.items.find((item) => item.active) ?? models.items[0];
  $("#no-models").hidden = Boolean(chosen);
  if (!chosen) return;
  const card = await api(`/v1/models/${chosen.id}/card`);
  $("#model-card").hidden = false;
  const told = (key, value) => el("div", {}, el("dt", { text: t(key) }), el("dd", {}, value));
  const status = told("model.status", t(card.active ? "model.active" : `model.${card.status}`));
  if (card.model) showModel(card.model, [status]);
  else $("#model").replaceChildren(status);
  $("#scores").hidden = !card.model;
}

async function show() {
  try {
    const query = new URLSearchParams({ window_s: 3600 * Number(form.elements.hours.value) });
    const [fit, gaps] = await Promise.all([api(`${path()}/fit?${query}`), api(`${path()}/gaps`), showLink(), showForecaster()]);
    $("#page-problem").replaceChildren();
    showFit(fit);
    showGaps(gaps.items);
    $("#answer").hidden = false;
  } catch (error) {
    showProblem($("#page-problem"), error);
  }
}

await start();
const model = await api(`${path()}/model`);
names = new Map(model.stations.map((item) => [item.id, item.name || item.id]));
form.addEventListener("change", show);
form.addEventListener("submit", (event) => event.preventDefault());
await show();
setInterval(() => { if (!document.hidden) show(); }, EVERY_MS);
