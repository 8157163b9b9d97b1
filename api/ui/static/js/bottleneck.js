// What holds the line back, and where the time of each station goes; measured, over a window.

import { showHeat } from "./heat.js";
import { wireGains } from "./gains.js";
import { $, api, clock, duration, el, namesIn, number, page, percent, showProblem, site, start, t } from "./core.js";

const KINDS = ["good", "quality", "slow", "setup", "handling", "no_operator", "maintenance", "failed", "blocked", "starved", "off"];
const EVERY_MS = 15_000;
const form = $("#window-form");
let model;

const called = (id) => model.stations.find((item) => item.id === id)?.name || id;
const whatIf = (station) => `${page.whatif}?${new URLSearchParams({ line: site.line.id, station })}`;

/** Share of the time as bottleneck: alone, and while it took over or handed over. */
function shareBar(row) {
  const part = (value, kind) => el("i", { class: kind, style: { width: `${100 * (value ?? 0)}%` } });
  return el("div", { class: "shares", role: "img", "aria-label": t("bottleneck.shares",
    { sole: percent(row.sole_share), shifting: percent(row.shifting_share) }) },
  part(row.sole_share, "b-failed"), part(row.shifting_share, "b-blocked"));
}

function stationRow(row) {
  return el("tr", { "data-station": row.station },
    el("th", { scope: "row" }, called(row.station),
      row.turning_point ? [" ", el("span", { class: "tag", text: t("bottleneck.turning") })] : null),
    el("td", {}, shareBar(row)),
    el("td", { class: "num strong", text: percent(row.momentary_share) }),
    el("td", { class: "num", text: percent(row.active_share) }),
    el("td", { class: "num", text: duration(row.active_period_mean_s) }),
    el("td", { class: "num", text: percent(row.chain_share) }),
    el("td", {}, el("a", { href: whatIf(row.station), text: t("station.what_if"),
      "aria-label": t("station.what_if_aria", { station: called(row.station) }) })));
}

function showBottlenecks(found) {
  const main = found.stations.find((row) => row.station === found.bottleneck);
  $("#verdict").textContent = main
    ? t("bottleneck.says", { station: called(main.station), share: percent(main.momentary_share),
      length: duration(found.observed_s) })
    : t("bottleneck.nothing");
  $("#provenance").textContent = t("bottleneck.provenance", {
    as_of: clock(found.provenance.as_of, { day: true }), length: duration(found.observed_s) });
  $("#bottlenecks tbody").replaceChildren(...found.stations.map(stationRow));
}

/** One station's time, by what it went to; the parts add up to all of it. */
function lossBar(rows) {
  const total = rows.reduce((sum, row) => sum + Math.max(0, row.time_s), 0) || 1;
  const said = rows.filter((row) => row.time_s > 0).map((row) =>
    `${t(`loss.${row.loss}`)} ${percent(row.time_s / total)}`).join(", ");
  return el("div", { class: "shares tall", role: "img", "aria-label": said },
    KINDS.map((kind) => el("i", { class: `l-${kind}`, style: { width:
      `${(100 * rows.filter((row) => row.loss === kind).reduce((sum, row) => sum + Math.max(0, row.time_s), 0)) / total}%` } })));
}

function showLosses(found) {
  const by = new Map();
  for (const row of found.rows) by.set(row.station, [...(by.get(row.station) ?? []), row]);
  const good = (rows) => rows.filter((row) => row.loss === "good").reduce((sum, row) => sum + (row.share ?? 0), 0);
  $("#over-note").hidden = ![...by.values()].some((rows) => Math.round(100 * good(rows)) > 100);
  $("#losses tbody").replaceChildren(...[...by].map(([station, rows]) => {
    return el("tr", { "data-station": station }, el("th", { scope: "row", text: called(station) }),
      el("td", {}, lossBar(rows)), el("td", { class: "num", text: percent(good(rows)) }));
  }));
  const worst = found.rows.filter((row) => ["quality", "slow", "setup", "failed"].includes(row.loss) && row.time_s > 0)
    .sort((a, b) => b.time_s - a.time_s).slice(0, 12);
  $("#causes-card").hidden = !worst.length;
  $("#causes tbody").replaceChildren(...worst.map((row) => el("tr", {},
    el("th", { scope: "row", text: called(row.station) }),
    el("td", {}, t(`loss.${row.loss}`), row.cause ? el("span", { class: "muted", text: ` ${row.cause.replaceAll("_", " ")}` }) : null),
    el("td", { class: "num", text: duration(row.time_s) }), el("td", { class: "num", text: percent(row.share, 1) }),
    el("td", { class: "num", text: row.operations === null ? "–" : number(row.operations) }))));
}

async function show() {
  const path = `/v1/lines/${encodeURIComponent(site.line.id)}`;
  const query = new URLSearchParams({ window_s: 3600 * Number(form.elements.hours.value) });
  try {
    const [bottlenecks, losses, timeline] = await Promise.all(
      ["bottlenecks", "losses", "timeline"].map((what) => api(`${path}/${what}?${query}`)));
    $("#page-problem").replaceChildren();
    showBottlenecks(bottlenecks);
    showLosses(losses);
    showHeat(timeline, called);
    $("#answer").hidden = false;
  } catch (error) {
    showProblem($("#page-problem"), error);
  }
}

await start();
model = await api(`/v1/lines/${encodeURIComponent(site.line.id)}/model`);
form.addEventListener("change", show);
form.addEventListener("submit", (event) => event.preventDefault());
await show();
wireGains(namesIn(model));
setInterval(() => { if (!document.hidden) show(); }, EVERY_MS);
