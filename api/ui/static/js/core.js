// What every page shares: words, requests, the event stream, the header.

import { worded } from "./phrases.js";
import { showProblem } from "./problems.js";

export { showProblem };

const words = JSON.parse(document.getElementById("words").textContent);
export const page = document.body.dataset;
const root = (page.root || "").replace(/\/$/, "");

/** The words for a key, with {names} filled in. */
export function t(key, values = {}) {
  const text = words[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
}

export const $ = (selector, from = document) => from.querySelector(selector);

/** Make an element: el("p", { class: "muted", text: "…" }, child, …). */
export function el(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** Make an SVG element. */
export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "text") node.textContent = value;
    else if (key === "style") Object.assign(node.style, value);
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

/** The glyph of a status, from the symbols in the page. */
export function glyph(status, attributes = {}) {
  return svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true", ...attributes },
    svg("use", { href: `#g-${status}` }));
}

/** A status as colour, glyph and word. */
export function statusMark(status, more = "") {
  return el("span", { class: `status s-${status}` }, glyph(status),
    el("span", { text: t(`status.${status}`) + more }));
}

/** Let what is wider than its place be scrolled by keyboard too, and nothing else take a stop. */
const places = new ResizeObserver((changed) => {
  for (const { target } of changed) {
    const place = target.closest(".table-wrap");
    if (place?.scrollWidth > place?.clientWidth) place.tabIndex = 0;
    else place?.removeAttribute("tabindex");
  }
});

/** Watch the tables of a part of the page. */
export function watchWidths(node) {
  for (const place of node.querySelectorAll(".table-wrap")) {
    places.observe(place);
    places.observe(place.firstElementChild);
  }
}
watchWidths(document);

// ---------------------------------------------------------------- requests

/** A request that the server answered with a problem (RFC 9457), or that never got there. */
export class Problem extends Error {
  constructor(document, status) {
    super(worded(document.detail || document.title || t("error.unknown")));
    this.document = document;
    this.status = status;
  }
}

const WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
/** Ask the API, or send it a workbook as `file`; resolves to the answer's JSON, rejects with a Problem. */
export async function api(path, { method = "GET", body, file, signal, version, once = true } = {}) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (file) headers["Content-Type"] = WORKBOOK;
  if (method === "POST" && once) headers["Idempotency-Key"] = newKey();
  // What is changed is the version that was seen; the server refuses if it has moved on since.
  if (version !== undefined) headers["If-Match"] = `"${version}"`;
  let answer;
  try {
    answer = await fetch(root + path, {
      method, headers, signal, body: file ?? (body === undefined ? undefined : JSON.stringify(body)),
      credentials: "same-origin",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ title: t("error.no_server") }, 0);
  }
  if (answer.status === 204) return null;
  const json = await answer.json().catch(() => ({ title: `${answer.status} ${answer.statusText}` }));
  if (!answer.ok) {
    if (answer.status === 401) signIn();
    throw new Problem(json, answer.status);
  }
  return json;
}

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export const chartUrl = (kind) => `${root}/ui/charts/${kind}?lang=${document.documentElement.lang}`;
export const assetUrl = (name) => `${root}${name}`;

/** Go and ask for a key; the page comes back by itself. */
function signIn() {
  if (!location.pathname.endsWith("/login")) location.assign(`${root}/login${location.hash}`);
}

// ---------------------------------------------------------------- numbers and times

const numbers = new Map();
/** A number with a fixed count of decimals; "–" for none. */
export function number(value, digits = 0) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (!numbers.has(digits)) {
    numbers.set(digits, new Intl.NumberFormat(document.documentElement.lang, {
      minimumFractionDigits: digits, maximumFractionDigits: digits,
    }));
  }
  return numbers.get(digits).format(value).replace("-", "−");
}
/** A unit as people write it. */
export const unit = (name) => name.replace(/^deg([CFK])$/, "°$1");
export const percent = (value, digits = 0) =>
  value === null || value === undefined ? "–" : `${number(100 * value, digits)}\u00a0%`;

/** A length of time in words a planner uses: 45 s, 12 min, 3 h 20 min. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  const sign = seconds < 0 ? "−" : "";
  const whole = Math.round(Math.abs(seconds));
  if (whole < 90) return sign + t("length.s", { n: whole });
  const minutes = Math.round(whole / 60);
  if (minutes < 90) return sign + t("length.min", { n: minutes });
  const days = Math.floor(minutes / 1440);
  const hours = Math.floor((minutes % 1440) / 60);
  const parts = days ? [["d", days], ["h", hours]] : [["h", hours], ["min", minutes % 60]];
  return sign + parts.filter(([, n], i) => !i || n).map(([u, n]) => t(`length.${u}`, { n })).join(" ");
}

let zone;
// Days and months in the language of the page, years and figures as orders and machines have them.
const locale = { en: "en-GB", th: "th-TH-u-ca-gregory-nu-latn" }[document.documentElement.lang];
/** A moment on the plant's wall clock. */
export function clock(moment, { seconds = true, day = false } = {}) {
  if (!moment) return "–";
  return new Intl.DateTimeFormat(locale, {
    timeZone: zone, hour: "2-digit", minute: "2-digit",
    ...(seconds ? { second: "2-digit" } : {}), ...(day ? { weekday: "short" } : {}),
  }).format(new Date(moment));
}

/** An interval as mean ± half-width. */
export function plusMinus(interval, digits = 1, scale = 1) {
  if (!interval) return [el("span", { text: "–" })];
  return [el("span", { text: number(interval.mean * scale, digits) }),
    el("span", { class: "half", text: ` ± ${number(interval.half_width * scale, digits)}` })];
}

/** A share with its interval in figures; an interval of a share is not symmetric. */
export function share(interval) {
  if (!interval) return [el("span", { text: "–" })];
  return [el("span", { text: percent(interval.mean) }), el("span", { class: "half",
    text: ` (${number(100 * interval.low)}–${percent(interval.high)})` })];
}

/** A probability with its interval, drawn. */
export function probability(interval) {
  if (!interval) return el("span", { class: "muted", text: "–" });
  const level = interval.mean >= 0.8 ? "good" : interval.mean >= 0.5 ? "warn" : "bad";
  const at = (value) => `${100 * Math.min(1, Math.max(0, value))}%`;
  return el("span", {
    class: `interval ${level}`, role: "img",
    "aria-label": t("probability.aria", { mean: percent(interval.mean), low: percent(interval.low),
      high: percent(interval.high) }),
  }, el("i", { class: "track" }),
  el("i", { class: "span", style: { left: at(interval.low), right: `calc(100% - ${at(interval.high)})` } }),
  el("i", { class: "dot", style: { left: at(interval.mean) } }));
}

// ---------------------------------------------------------------- the line in view and its stream

export const site = { line: null, lines: [], state: null };
const hub = new EventTarget();
/** Be told of "state", "link" and "job" events, and of the "server" coming or going; undo with the answer. */
export function on(kind, told) {
  const heard = (event) => told(event.detail);
  hub.addEventListener(kind, heard);
  return () => hub.removeEventListener(kind, heard);
}
const tell = (kind, detail) => hub.dispatchEvent(new CustomEvent(kind, { detail }));

const stream = { open: false, downSince: null, crowded: false, seenAt: 0, source: null, wait: 500 };
/** Time after which a page that finds no room in the stream reads the line again, ms. */
const CROWDED_MS = 5000;

function listen() {
  const url = `${root}/v1/events?line_id=${encodeURIComponent(site.line.id)}`;
  const source = new EventSource(url);
  stream.source = source;
  const heard = () => { stream.seenAt = performance.now(); };
  source.onopen = () => {
    heard();
    const was = stream.downSince;
    const again = Boolean(was) || stream.crowded;
    showCrowded(false);
    Object.assign(stream, { open: true, downSince: null, wait: 500 });
    tell("server", { up: true, again });
    if (again) refresh();
  };
  source.onerror = async () => {
    const refused = source.readyState === EventSource.CLOSED;
    stream.open = false;
    if (refused && await isCrowded(url)) {
      showCrowded(true);
      await refresh();
      setTimeout(listen, CROWDED_MS);
      return;
    }
    showCrowded(false);
    stream.downSince ??= new Date();
    tell("server", { up: false });
    if (refused) {
      // The server refused or went for good: the browser will not try again by itself, so we do.
      setTimeout(listen, stream.wait);
      stream.wait = Math.min(stream.wait * 2, 10_000);
    }
  };
  source.addEventListener("state", (event) => { heard(); takeState(JSON.parse(event.data)); });
  source.addEventListener("link", (event) => {
    heard();
    const change = JSON.parse(event.data);
    if (change.line_id !== site.line.id) return;
    if (site.state) site.state = { ...site.state, link: change.link };
    tell("link", change.link);
  });
  source.addEventListener("job", (event) => { heard(); tell("job", JSON.parse(event.data)); });
  source.addEventListener("reset", () => { refresh(); tell("server", { up: true, again: true }); });
}

/** Whether the server answers, but too many follow the stream: an EventSource does not tell why it was refused. */
async function isCrowded(url) {
  const ended = new AbortController();
  try {
    const answer = await fetch(url, { credentials: "same-origin", signal: ended.signal });
    return answer.status === 429;
  } catch {
    return false;
  } finally {
    ended.abort();
  }
}

function takeState(state) {
  if (state.line_id !== site.line.id) return;
  const before = site.state;
  site.state = state;
  site.takenAt = performance.now();
  measurePace(state);
  tell("state", { state, before });
  showStill(state);
  if (before && before.link.status !== state.link.status) tell("link", state.link);
}

/** How fast the plant's clock goes against the wall clock; an emulated plant may be quicker. */
function measurePace(state) {
  const now = { plant: Date.parse(state.provenance.as_of), wall: site.takenAt };
  const first = measurePace.first;
  if (!first || state.link.status !== "connected" || now.wall - first.wall > 60_000) measurePace.first = now;
  else if (now.wall - first.wall > 4000) site.pace = (now.plant - first.plant) / (now.wall - first.wall);
}

async function refresh() {
  try {
    takeState(await api(`/v1/lines/${encodeURIComponent(site.line.id)}/state`));
  } catch (error) {
    if (error.status === 0) return;
    tell("problem", error);
  }
}

/** How old the picture is: { level, text }. */
export function freshness() {
  if (stream.downSince) {
    return { level: "bad", text: t("age.no_server", { since: clock(stream.downSince) }) };
  }
  const state = site.state;
  if (!state) return { level: "warn", text: t("age.waiting") };
  const { link, provenance } = state;
  const age = provenance.age_ms / 1000 + (performance.now() - site.takenAt) / 1000;
  if (link.status === "none") return { level: "warn", text: t("age.none") };
  if (link.status === "lost") {
    return { level: "bad", text: t("age.stale", { since: clock(link.since ?? provenance.received_at) }) };
  }
  if (link.status === "connecting") return { level: "warn", text: t("age.connecting") };
  if (age > 10 || provenance.quality === "stale") {
    return { level: "warn", text: t("age.stale", { since: clock(provenance.received_at) }) };
  }
  if (stream.crowded) return { level: "warn", text: t("age.crowded", { age: number(age) }) };
  return { level: "good", text: t("age.live", { age: number(age, 1) }) };
}

function showFreshness() {
  const pill = $("#freshness");
  const { level, text } = freshness();
  if (pill.dataset.level !== level) pill.dataset.level = level;
  if (pill.textContent !== text) pill.textContent = text;
  const state = site.state;
  const pace = site.pace && Math.abs(site.pace - 1) > 0.15 ? t("plant_pace", { pace: number(site.pace, site.pace < 10 ? 1 : 0) }) : "";
  const shown = state ? t("plant_time", { time: clock(state.provenance.as_of, { day: true }) }) + pace : "";
  if ($("#plant-time").textContent !== shown) $("#plant-time").textContent = shown;
}

// ---------------------------------------------------------------- banners, theme, start

function say(level, head, text, symbol) {
  const banner = $("#banner");
  banner.dataset.level = level;
  banner.replaceChildren(glyph(symbol, { width: 22, height: 22 }),
    el("div", {}, el("strong", { text: head }), el("span", { text })));
  banner.hidden = false;
}

/** Say that there is no room in the stream, and what helps; or that there is again. */
function showCrowded(crowded) {
  if (crowded === stream.crowded) return;
  stream.crowded = crowded;
  if (crowded) {
    stream.downSince = null;
    tell("server", { up: true });
    say("warn", t("banner.crowded"), t("banner.crowded_text", { seconds: number(CROWDED_MS / 1000) }), "blocked");
  } else {
    $("#banner").hidden = true;
    if (site.state) showLink(site.state.link);
  }
}

/** Say why the picture stands still although the plant is there, such as a disk that is full. */
function showStill({ link, provenance }) {
  const banner = $("#banner");
  const still = link.status === "connected" && provenance.quality === "stale" && link.message;
  if (still) say("bad", t("banner.still", { since: clock(provenance.as_of) }), worded(link.message), "failed");
  else if (banner.dataset.still) banner.hidden = true;
  if (still) banner.dataset.still = "yes";
  else delete banner.dataset.still;
}

let lostSince = null;
function showLink(link) {
  const banner = $("#banner");
  clearTimeout(showLink.timer);
  if (link.status === "lost") {
    lostSince = link.since ?? new Date();
    say("bad", t("banner.lost", { since: clock(lostSince) }),
      t("banner.lost_text", { endpoint: link.endpoint ?? "" }), "failed");
  } else if (link.status === "connected" && lostSince) {
    say("good", t("banner.back", { at: clock(link.since ?? new Date()) }),
      t("banner.back_text", { since: clock(lostSince) }), "processing");
    lostSince = null;
    showLink.timer = setTimeout(() => { banner.hidden = true; }, 15_000);
  } else if (link.status === "connected" && !stream.crowded) {
    banner.hidden = true;
  }
}

function chooseLine(lines) {
  site.lines = lines;
  const wanted = new URLSearchParams(location.search).get("line");
  site.line = lines.find((line) => line.id === wanted) ?? lines[0];
  zone = site.line.time_zone;
  const select = $("#line-choice");
  select.replaceChildren(...lines.map((line) => el("option", {
    value: line.id, text: line.name || line.id, selected: line === site.line,
  })));
  select.closest("label").hidden = lines.length < 2;
  select.addEventListener("change", () => {
    location.search = new URLSearchParams({ line: select.value });
  });
  for (const link of document.querySelectorAll(".nav a")) {
    if (wanted) link.search = new URLSearchParams({ line: site.line.id });
  }
  document.title = `${site.line.name || site.line.id} – ${document.title}`;
  for (const node of document.querySelectorAll("[data-line-name]")) {
    node.textContent = site.line.name || site.line.id;
  }
}

/** What this session may do: read, write, release or admin; each allows what those before it do. */
export async function may(scope) {
  const scopes = ["read", "write", "release", "admin"];
  may.asked ??= api("/v1/session");
  return scopes.indexOf((await may.asked).scope) >= scopes.indexOf(scope);
}

/** Resolves to whether the workers of quick questions have started. */
export const ready = async () => (await api("/v1/session")).ready;

/** Start a page: find the line, listen to it, keep the header true. Resolves when a line is there. */
export async function start() {
  document.addEventListener("theme", ({ detail }) => tell("theme", detail));
  setInterval(showFreshness, 200);
  for (;;) {
    try {
      const found = await api("/v1/lines");
      stream.downSince = null;
      if (found.items.length) {
        chooseLine(found.items);
        break;
      }
      location.replace(page.tour);
      return new Promise(() => {});
    } catch (error) {
      if (error.status === 401) return new Promise(() => {});
      if (error.status === 0) stream.downSince ??= new Date();
      else showProblem($("#page-problem"), error);
    }
    await new Promise((done) => { setTimeout(done, 1000); });
  }
  on("link", showLink);
  await refresh();
  if (site.state) showLink(site.state.link);
  listen();
}

/** Returns a function that names a part of the line, also one of its failures such as `filler.valve`. */
export const namesIn = (model) => (element) => {
  const [id, ...mode] = element.split(".");
  const found = ["stations", "buffers", "crews", "vehicles", "loops"].flatMap((list) => model[list] ?? [])
    .find((item) => item.id === id);
  return [found?.name || id, ...mode].join(" · ");
};
