// The figures of a comparison: their names, units and digits, and what a difference says.

import { el, number, percent, plusMinus, t } from "./core.js";

const SHOWN = {
  throughput_rate: { scale: 3600, digits: 1, unit: "unit.parts_h", better: 1 },
  finished: { scale: 1, digits: 1, unit: "unit.parts", better: 1 },
  scrapped: { scale: 1, digits: 1, unit: "unit.parts", better: -1 },
  wip_mean: { scale: 1, digits: 1, unit: "unit.parts", better: 0 },
  flow_time_mean_s: { scale: 1 / 60, digits: 1, unit: "unit.min", better: -1 },
  flow_time_p90_s: { scale: 1 / 60, digits: 1, unit: "unit.min", better: -1 },
  energy_per_part_kwh: { scale: 1, digits: 4, unit: "unit.kwh", better: -1 },
  order_on_time: { scale: 100, digits: 0, unit: "unit.percent", better: 1 },
  order_tardiness_s: { scale: 1 / 60, digits: 0, unit: "unit.min", better: -1 },
  order_completion_s: { scale: 1 / 3600, digits: 2, unit: "unit.h", better: -1 },
  oee_index: { scale: 100, digits: 1, unit: "unit.percent", better: 1 },
  availability: { scale: 100, digits: 1, unit: "unit.percent", better: 1 },
  effectiveness: { scale: 100, digits: 1, unit: "unit.percent", better: 1 },
  quality_ratio: { scale: 100, digits: 1, unit: "unit.percent", better: 1 },
};
export const ALIKE = "no relevant difference";
const SIGN = { better: "▲", worse: "▼", "cannot tell yet": "?", [ALIKE]: "=" };
const TONE = { better: "good", worse: "bad" };

/** How a figure is shown: its name and unit in words, its scale and its digits. */
export function shown({ kpi, unit }) {
  const found = SHOWN[kpi];
  const known = t(`kpi.${kpi}`);
  return { scale: found?.scale ?? 1, digits: found?.digits ?? 2,
    name: known === `kpi.${kpi}` ? kpi.replaceAll("_", " ") : known,
    unit: found ? t(found.unit) : unit };
}

/** What the paired difference says, as glyph and word. */
export function verdictTag(row) {
  return el("span", { class: `tag ${TONE[row.verdict] ?? ""}` }, el("span", { "aria-hidden": "true", text: SIGN[row.verdict] ?? "" }),
    t(`verdict.${row.verdict}`));
}

/** One row of a comparison table. */
export function comparisonRow(row, elementName) {
  const { scale, digits, name, unit } = shown(row);
  const label = row.element ? elementName(row) : name;
  return el("tr", { "data-kpi": row.kpi, "data-element": row.element, "data-scenario": row.scenario_id },
    el("th", { scope: "row" }, label, el("span", { class: "muted small", text: ` ${unit}` })),
    el("td", { class: "num base" }, plusMinus(row.base, digits, scale)),
    el("td", { class: "num value" }, plusMinus(row.value, digits, scale)),
    el("td", { class: "num difference" }, signed(row.difference, digits, scale),
      row.relative === null ? null
        : el("div", { class: "muted small", text: `${row.relative > 0 ? "+" : ""}${percent(row.relative, 1)}` })),
    el("td", {}, verdictTag(row), row.replications_needed
      ? el("div", { class: "muted small", text: t("verdict.needed", { n: number(row.replications_needed) }) }) : null));
}

function signed(interval, digits, scale) {
  if (!interval) return [el("span", { text: "–" })];
  const plus = interval.mean > 0 ? "+" : "";
  return [el("span", { text: plus }), ...plusMinus(interval, digits, scale)];
}

/** The answer in one sentence, from the row of the throughput. */
export function sentence(row) {
  if (!row) return t("answer.none");
  const { scale, digits, unit } = shown(row);
  const change = row.difference;
  const size = change ? number(Math.abs(change.mean) * scale, digits) : "–";
  const half = change ? number(change.half_width * scale, digits) : "–";
  const share = row.relative === null ? "" : percent(Math.abs(row.relative), 1);
  const key = { better: "answer.up", worse: "answer.down", [ALIKE]: "answer.same" }[row.verdict] ?? "answer.open";
  const open = key === "answer.open" && !row.replications_needed ? "answer.unknown" : key;
  return t(open, { scenario: row.scenario, size, half, unit, share,
    needed: row.replications_needed ? number(row.replications_needed) : "–" });
}

export const tone = (row) => ({ better: "up", worse: "down" })[row?.verdict] ?? "";
