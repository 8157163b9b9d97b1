// A bar of a plan in words.

import { clock, duration, t } from "./core.js";

/** Crews with how many of each, in words. */
function crews(names) {
  const counts = new Map();
  for (const name of names) counts.set(name, (counts.get(name) || 0) + 1);
  return [...counts].map(([name, count]) => (count > 1 ? `${count} × ${name}` : name)).join(", ");
}

/** What a bar is, line by line; its product and station by their names. */
export function barText(bar, product, station) {
  return [`${bar.order} · ${product}`, `${station}: ${bar.operation.replaceAll("_", " ")}`,
    `${clock(bar.start, { day: true })} – ${clock(bar.end)} (${duration(bar.to - bar.from)})`,
    bar.setup_s ? t("gantt.setup", { length: duration(bar.setup_s) }) : "",
    bar.people?.length ? t("gantt.people", { names: crews(bar.people) }) : ""].filter(Boolean).join("\n");
}
