// What each station did, stretch by stretch: each cell shows the shares of its stretch in colour.

import { $, clock, duration, el, percent, t } from "./core.js";

const STATUSES = ["processing", "setup", "handling", "no_operator", "maintenance", "failed", "blocked", "starved", "off"];
const COLOURS = { no_operator: "no-operator", off: "rule-strong" };

/** The colours of a cell, from the bottom up, as hard steps of one gradient. */
function shaded(shares, place) {
  let from = 0;
  const steps = [];
  for (const status of STATUSES) {
    const share = shares[status]?.[place] ?? 0;
    if (share <= 0) continue;
    const to = Math.min(from + 100 * share, 100);
    steps.push(`var(--${COLOURS[status] ?? status}) ${from.toFixed(1)}% ${to.toFixed(1)}%`);
    from = to;
  }
  return steps.length ? `linear-gradient(to top, ${steps.join(", ")})` : "";
}

function told(shares, place) {
  const said = STATUSES.filter((status) => (shares[status]?.[place] ?? 0) >= 0.005)
    .map((status) => `${t(`status.${status}`)} ${percent(shares[status][place])}`);
  return said.join(", ") || t("heat.unseen");
}

/** Mean share of each status over what was seen. */
function overall(shares) {
  const mean = {};
  for (const [status, row] of Object.entries(shares)) {
    const seen = row.filter((value) => value !== null);
    mean[status] = [seen.reduce((sum, value) => sum + value, 0) / Math.max(seen.length, 1)];
  }
  return told(mean, 0);
}

function row(station, name, edges) {
  const time = (moment) => clock(moment, { seconds: false });
  return el("tr", { "data-station": station.station }, el("th", { scope: "row", text: name }),
    el("td", {}, el("div", { class: "heat", role: "img",
      "aria-label": t("heat.aria", { station: name, said: overall(station.shares) }) },
    edges.slice(1).map((to, place) => el("i", { style: { backgroundImage: shaded(station.shares, place) },
      title: t("heat.cell", { from: time(edges[place]), to: time(to), said: told(station.shares, place) }) })))));
}

/** Show a timeline; `called` gives the name of a station by its id. */
export function showHeat(found, called) {
  const length = (Date.parse(found.edges[1]) - Date.parse(found.edges[0])) / 1000;
  $("#heat-note").textContent = t("heat.note", { length: duration(length) });
  $("#heat tbody").replaceChildren(...found.stations.map((station) =>
    row(station, called(station.station), found.edges)));
  const last = found.edges.length - 1;
  $("#heat-axis").replaceChildren(...[0, 0.25, 0.5, 0.75, 1].map((share) =>
    el("span", { text: clock(found.edges[Math.round(share * last)], { seconds: false }) })));
}
