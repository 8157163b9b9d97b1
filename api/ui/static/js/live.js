// The live line: drawing, figures, stations, orders and news.

import { $, api, clock, el, glyph, number, on, page, percent, probability, ready, share, showProblem, site,
  start, statusMark, svg, t,
  unit } from "./core.js";
import { worded } from "./phrases.js";
import { LineMap, productColour } from "./map.js";
import { lateness, news, newsItem } from "./news.js";

const STATUSES = ["processing", "setup", "blocked", "starved", "failed", "off", "handling", "maintenance", "no_operator"];
// What a vehicle does, and a share of its time, in the colours and glyphs of the stations.
const DRIVES = { idle: "starved", fetching: "setup", loading: "handling", carrying: "processing", unloading: "handling", returning: "off" };
const DRIVEN = { idle: "starved", empty: "setup", loading: "handling", loaded: "processing", unloading: "handling", returning: "off" };
const DRIVE_GLYPH = { fetching: "drives", carrying: "carries", returning: "drives" };
const NEWS_KEPT = 40;
const FEW = 10; // operations below which a young mirror's OEE is mostly the part that it began with
let model;
let map;
let names;
let places;
let kpis;
const promises = new Map();
let asking = "order.asking"; // why there is no promise yet

function tile(key, value, measure, note) {
  const node = $(`[data-tile="${key}"]`);
  $("dd", node).replaceChildren(el("span", { class: "value", text: value }),
    el("span", { class: "unit", text: ` ${measure}` }));
  $(".note", node).replaceChildren(...[note].flat().filter(Boolean));
}

/** Parts finished in each stretch of the last hour, as small bars. */
function bars(bins) {
  const most = Math.max(1, ...bins.map((bin) => bin.finished));
  const wide = 100 / Math.max(1, bins.length);
  return svg("svg", { viewBox: "0 0 100 24", width: "100%", height: 26, preserveAspectRatio: "none",
    role: "img", "aria-label": t("tile.bars", { values: bins.map((bin) => bin.finished).join(", ") }) },
  bins.map((bin, index) => svg("rect", {
    x: index * wide + wide * 0.1, width: wide * 0.8, y: 24 - (22 * bin.finished) / most,
    height: (22 * bin.finished) / most, style: { fill: "var(--accent)", opacity: 0.75 },
  }, svg("title", { text: `${clock(bin.begin, { seconds: false })}: ${bin.finished}` }))));
}

const rounded = (ratio) => Math.round(100 * (ratio ?? 0));

/** The OEE of a station, once enough of it was seen. */
function oee(found) {
  return found && (found.processed >= FEW || kpis.hour.observed_s > 3500) ? found.oee_index : null;
}

function showTiles(state) {
  const hour = kpis?.hour;
  const now = kpis?.now;
  tile("now", number(now?.throughput_per_h), t("unit.parts_h"),
    t("tile.now_note", { minutes: Math.round((now?.observed_s ?? 0) / 60) }));
  tile("hour", number(hour?.throughput_per_h), t("unit.parts_h"),
    hour?.observed_s > 0 ? [bars(hour.throughput), hour.observed_s < 3500
      ? t("tile.now_note", { minutes: Math.round(hour.observed_s / 60) }) : null] : t("tile.nothing_yet"));
  tile("wip", number(state.counts.in_line), t("unit.parts"),
    t("tile.wip_note", { mean: number(hour?.wip_mean, 1) }));
  const rated = (hour?.stations ?? []).filter((item) => oee(item) !== null);
  const worst = rated.reduce((least, item) => (!least || item.oee_index < least.oee_index ? item : least), null);
  tile("oee", worst ? percent(worst.oee_index) : "–", "",
    worst ? t("tile.oee_note", { station: names.get(worst.id) ?? worst.id }) : t(hour?.observed_s > 0 ? "fit.unknown" : "tile.nothing_yet"));
  tile("finished", number(state.counts.finished), t("unit.parts"),
    t("tile.finished_note", { scrapped: number(state.counts.scrapped) }));
  showOnTime(state);
}

function showOnTime(state) {
  const open = state.orders.filter((order) => order.due_date && order.finished < order.quantity);
  const known = open.map((order) => promises.get(order.id)?.on_time_probability).filter(Boolean);
  const fine = known.filter((found) => found.mean >= 0.5).length;
  tile("on_time", known.length ? `${fine}/${known.length}` : "–", t("unit.orders"), known.length
    ? el("span", { class: "tag simulated", text: t("simulated") }) : t(open.length ? asking : "tile.no_orders"));
}

/** Put rows into a table body; a row stays where nothing in it changed, and the focus stays too. */
function sync(body, rows) {
  rows.forEach((row, index) => {
    const old = body.children[index];
    if (old?.isEqualNode(row)) return;
    const kept = old?.contains(document.activeElement) && old.dataset.station === row.dataset.station;
    if (old) old.replaceWith(row);
    else body.append(row);
    if (kept) $("a", row)?.focus();
  });
  while (body.children.length > rows.length) body.lastElementChild.remove();
}

function showStations(state) {
  const rates = new Map((kpis?.hour?.stations ?? []).map((item) => [item.id, item]));
  $("#over-note").hidden = ![...rates.values()].some((item) => rounded(oee(item)) > 100);
  sync($("#stations tbody"), state.stations.map((station) => {
    const found = rates.get(station.id);
    const shares = found?.status_share ?? {};
    const told = STATUSES.filter((key) => shares[key] > 0.0005)
      .map((key) => `${t(`status.${key}`)} ${percent(shares[key])}`).join(", ");
    const busy = station.servers.find((server) => server.product);
    const signals = Object.entries(station.signals)
      .map(([, signal]) => `${number(signal.value, 1)}\u00a0${unit(signal.unit)}`).join(" · ");
    return el("tr", { "data-station": station.id, "data-status": station.status },
      el("th", { scope: "row", text: names.get(station.id) ?? station.id }),
      el("td", {}, statusMark(station.status,
        station.failure_modes.length ? ` (${station.failure_modes.join(", ")})` : "")),
      el("td", {}, busy ? productChip(busy) : el("span", { class: "muted", text: "–" })),
      el("td", {}, el("span", { class: "shares", role: "img", "aria-label": told || t("tile.nothing_yet"), title: told },
        STATUSES.map((key) => el("i", { class: `b-${key}`, style: { width: `${100 * (shares[key] ?? 0)}%` } })))),
      el("td", { class: "num", text: percent(oee(found)) }),
      el("td", { class: "num", text: number(station.processed) }),
      el("td", { class: "num muted small", text: signals || "–" }),
      el("td", { class: "num" }, el("a", {
        href: `${page.whatif}?${new URLSearchParams({ line: site.line.id, station: station.id })}`,
        text: t("station.what_if"), "aria-label": t("station.what_if_aria", { station: names.get(station.id) }),
      })));
  }));
}

function showVehicles(state) {
  $("#vehicles-card").hidden = !state.vehicles.length;
  const pools = new Map((model.vehicles ?? []).map((pool) => [pool.id, pool]));
  const rates = new Map((kpis?.hour?.vehicles ?? []).map((item) => [item.id, item.share]));
  sync($("#vehicles tbody"), state.vehicles.map((vehicle) => {
    const pool = pools.get(vehicle.pool);
    const name = pool?.name || vehicle.pool;
    const several = (pool?.count ?? 1) > 1;
    return el("tr", { "data-vehicle": `${vehicle.pool}.${vehicle.number}`, "data-status": vehicle.status },
      el("th", { scope: "row", text: several ? t("vehicle.number", { pool: name, n: vehicle.number + 1 }) : name }),
      el("td", {}, el("span", { class: `status s-${DRIVES[vehicle.status]}` },
        glyph(DRIVE_GLYPH[vehicle.status] ?? DRIVES[vehicle.status]), el("span", { text: drives(vehicle) }))),
      el("td", {}, vehicle.product ? [productChip(vehicle), el("span", { class: "muted small", text: ` #${vehicle.part}` })]
        : el("span", { class: "muted", text: "–" })),
      el("td", { class: "way" }, el("span", { class: vehicle.goal ? null : "muted", text: way(vehicle) })),
      vehicle.number ? null : el("td", { rowspan: pool?.count ?? 1 }, vehicle.told
        ? driven(rates.get(vehicle.pool) ?? {}) : el("span", { class: "muted", text: t("vehicle.untold") })));
  }));
}

/** What a vehicle does in words; where the plant does not tell, only trips are supposed. */
function drives(vehicle) {
  const status = t(`vehicle.${vehicle.status}`);
  if (vehicle.told) return status;
  return vehicle.status === "idle" ? t("vehicle.untold") : t("vehicle.supposed", { status });
}

/** Where a vehicle is or goes; of one that the plant does not tell of it is supposed. */
function way(vehicle) {
  const where = vehicle.goal ? t("vehicle.way", { from: vehicle.origin === null ? "" : placeName(vehicle.origin), to: placeName(vehicle.goal) })
    : t("vehicle.at", { place: placeName(vehicle.place) });
  return vehicle.told ? where : t("vehicle.supposed", { status: where });
}

/** The shares of the time of one pool as a bar. */
function driven(shares) {
  const told = Object.keys(DRIVEN).filter((key) => shares[key] > 0.0005)
    .map((key) => `${t(`vehicle.${key}`)} ${percent(shares[key])}`).join(", ");
  return el("span", { class: "shares", role: "img", "aria-label": told || t("tile.nothing_yet"), title: told },
    Object.entries(DRIVEN).map(([key, look]) =>
      el("i", { class: `b-${look}`, style: { width: `${100 * (shares[key] ?? 0)}%` } })));
}

function placeName(id) {
  return places.get(id) ?? id;
}

function productChip(server) {
  const product = model.products.find((item) => item.id === server.product);
  return el("span", {}, el("i", { class: "swatch", style: { background: productColour(model, server.product) } }),
    el("span", { text: product?.name || server.product }),
    server.order ? el("span", { class: "muted small", text: ` ${server.order}` }) : null);
}

function showOrders(state) {
  const asOf = state.provenance.as_of;
  const sorted = [...state.orders].sort((a, b) =>
    (a.finished >= a.quantity) - (b.finished >= b.quantity) || (a.due_date ?? "9") < (b.due_date ?? "9") ? -1 : 1);
  $("#orders-card").hidden = !sorted.length;
  sync($("#orders tbody"), sorted.map((order) => {
    const done = order.finished >= order.quantity;
    const promise = promises.get(order.id);
    const part = Math.min(1, order.finished / order.quantity);
    return el("tr", { "data-order": order.id },
      el("th", { scope: "row" }, el("i", { class: "swatch", style: { background: productColour(model, order.product) } }), order.id),
      el("td", {}, el("span", { class: "meter", role: "img", "aria-label": percent(part) },
        el("i", { style: { width: `${100 * part}%` } })),
      el("span", { class: "muted small", text: t("order.parts", { finished: number(order.finished), quantity: number(order.quantity) }) })),
      el("td", {}, order.due_date ? el("span", { text: clock(order.due_date, { seconds: false, day: true }) }) : "–",
        done || !order.due_date ? null : el("div", { class: "muted small", text: lateness(order, asOf) })),
      el("td", {}, done ? el("span", { class: "tag good", text: t("order.done") })
        : promise?.failed ? el("span", { class: "muted small", text: promise.failed })
        : promise ? [probability(promise.on_time_probability), promiseText(promise)]
          : el("span", { class: "muted small", text: order.due_date ? t(asking) : "–" })));
  }));
}

function promiseText({ on_time_probability: found, completion_p90: late }) {
  return el("div", { class: "muted small" }, found ? [...share(found), " · "] : null,
    late ? t("order.p90", { time: clock(late, { seconds: false, day: true }) }) : t("order.beyond"));
}

async function readKpis() {
  const path = `/v1/lines/${encodeURIComponent(site.line.id)}/kpis?window_s=`;
  try {
    const [now, hour] = await Promise.all([api(`${path}600`), api(`${path}3600`)]);
    kpis = { now, hour };
    if (site.state) { showTiles(site.state); showStations(site.state); showVehicles(site.state); }
  } catch (error) {
    if (error.status) showProblem($("#page-problem"), error);
  }
}

/** Ask for the promise of the next open orders, one after the other, then again after a while. */
async function readPromises() {
  if (!(await ready().catch(() => false))) {
    if (!promises.size) asking = "order.starting";
    setTimeout(readPromises, 2000);
    return;
  }
  asking = "order.asking";
  for (const order of site.state?.orders ?? []) {
    if (!order.due_date || order.finished >= order.quantity || document.hidden) continue;
    try {
      promises.set(order.id, await api("/v1/order-promises", {
        method: "POST", body: { line_id: site.line.id, order_id: order.id, time_budget_s: 1.5, replications: 100 },
      }));
    } catch (error) {
      if (error.status === 0) break;
      promises.set(order.id, { failed: error.message });
    }
    showOrders(site.state);
    showOnTime(site.state);
  }
  setTimeout(readPromises, 60_000);
}

/** Say on the page of the line itself what is missing of its last day. */
async function readGaps() {
  const { items, provenance } = await api(`/v1/lines/${encodeURIComponent(site.line.id)}/gaps`);
  const day = items.filter((gap) => !gap.end || Date.parse(provenance.as_of) - Date.parse(gap.end) < 86_400_000);
  const last = day.at(-1);
  $("#gaps-note").hidden = !last;
  if (last) $("#gaps-note span").textContent = t("live.gaps", { n: number(day.length), from: clock(last.begin),
    to: last.end ? clock(last.end) : t("health.gap_open"), reason: worded(last.reason) });
}

/** Say who is not there: plans and forecasts from here do without them. */
function showPeople(state) {
  const away = state.crews.filter((crew) => crew.away > 0).map((crew) => t("people.away", {
    crew: model.crews.find((item) => item.id === crew.id)?.name || crew.id, away: number(crew.away), size: number(crew.size) }));
  const note = $("#people-note");
  const text = away.length ? t("people.note", { list: away.join(", ") }) : "";
  note.hidden = !text;
  if (note.textContent !== text) note.textContent = text;
}

function showNews(found) {
  const list = $("#news");
  for (const item of found) list.prepend(newsItem(item));
  while (list.childElementCount > NEWS_KEPT) list.lastElementChild.remove();
  $("#news-empty").hidden = list.childElementCount > 0;
}

function show({ state, before }) {
  map.show(state, before);
  showTiles(state);
  showStations(state);
  showVehicles(state);
  showPeople(state);
  showOrders(state);
  showNews(news(state, before, names));
}

await start();
model = await api(`/v1/lines/${encodeURIComponent(site.line.id)}/model`);
names = new Map(model.stations.map((item) => [item.id, item.name || item.id]));
places = new Map([...model.stations, ...model.buffers, ...model.sources, ...model.sinks].map((item) => [item.id, item.name || item.id]));
map = new LineMap($("#map"), model);
$("#line-about").textContent = site.line.description;
on("state", show);
on("link", () => setTimeout(() => readGaps().catch(() => {}), 2000));
on("link", (link) => showNews([{ at: link.since ?? new Date().toISOString(),
  glyph: link.status === "lost" ? "failed" : "processing", text: t(`news.link_${link.status}`) }]));
if (site.state) show({ state: site.state, before: null });
await readKpis();
await readGaps().catch(() => {});
setInterval(() => readGaps().catch(() => {}), 30_000);
setInterval(readKpis, 5000);
setTimeout(readPromises, 500);
