// What changed on the line, and how late its orders stand, in words.

import { clock, duration, el, glyph, t } from "./core.js";

/** What changed between two states, in words, newest last. */
export function news(state, before, names) {
  if (!before) return [];
  const old = new Map(before.stations.map((item) => [item.id, item]));
  const found = [];
  for (const station of state.stations) {
    const was = old.get(station.id);
    if (!was || was.status === station.status) continue;
    const name = names.get(station.id) ?? station.id;
    if (station.status === "failed") {
      found.push({ glyph: "failed", text: t("news.failed", { station: name,
        mode: station.failure_modes.join(", ") || t("news.unknown_mode") }) });
    } else if (was.status === "failed") {
      found.push({ glyph: "processing", text: t("news.repaired", { station: name }) });
    } else if (station.status === "setup") {
      found.push({ glyph: "setup", text: t("news.setup", { station: name }) });
    } else if (station.status === "off" || was.status === "off") {
      found.push({ glyph: station.status,
        text: t(station.status === "off" ? "news.off" : "news.on", { station: name }) });
    }
  }
  const orders = new Map(before.orders.map((item) => [item.id, item]));
  for (const order of state.orders) {
    const was = orders.get(order.id);
    if (was && was.finished < order.quantity && order.finished >= order.quantity) {
      found.push({ glyph: "processing", text: t("news.order_done", { order: order.id }) });
    }
    if (was && !was.released && order.released) {
      found.push({ glyph: "starved", text: t("news.order_released", { order: order.id }) });
    }
  }
  return found.map((item) => ({ ...item, at: state.provenance.as_of }));
}

/** One line of news as a list item. */
export function newsItem({ at, glyph: symbol, text }) {
  return el("li", {}, el("time", { datetime: at, text: clock(at) }),
    glyph(symbol, { class: `s-${symbol}` }), el("span", { text }));
}

/** How late an order stands now, in words; positive is late. */
export function lateness(order, asOf) {
  if (!order.due_date) return "";
  const left = (new Date(order.due_date) - new Date(asOf)) / 1000;
  return left >= 0 ? t("order.left", { left: duration(left) }) : t("order.late", { late: duration(-left) });
}
