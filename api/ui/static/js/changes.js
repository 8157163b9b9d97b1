// Changes in a planner's words, and the scenario that they come to.

import { duration, el, number, t } from "./core.js";

const DAYS = ["mon", "tue", "wed", "thu", "fri"];
const SHIFTS = {
  night: { start: "22:00", end: "06:00", days: DAYS },
  late: { start: "14:00", end: "22:00", days: DAYS },
  saturday: { start: "06:00", end: "14:00", days: ["sat"] },
  sunday: { start: "06:00", end: "14:00", days: ["sun"] },
};

const stationField = (model) => ({ key: "station", label: t("field.station"), options: choices(model.stations) });
const choices = (items) => items.map((item) => ({ value: item.id, text: item.name || item.id }));
const count = (key, value, least, most) =>
  ({ key, label: t(`field.${key}`), type: "number", value, min: least, max: most, step: 1 });
const item = (list, id) => list.find((found) => found.id === id);
const called = (list, id) => item(list, id)?.name || id;

/** The kinds of change: whether the model has room for it, its fields, and what it comes to. */
export const KINDS = {
  breakdown: {
    fields: (model) => [stationField(model), count("minutes", 30, 1, 10080), count("after", 0, 0, 10080)],
    apply: (value, to) => to.faults.push({ station: value.station, kind: "breakdown",
      after_s: 60 * value.after, duration_s: 60 * value.minutes }),
    say: (value, model) => t("say.breakdown", { station: called(model.stations, value.station),
      length: duration(60 * value.minutes) }),
  },
  speed: {
    fields: (model) => [stationField(model), count("speed", 110, 10, 1000)],
    apply: (value, to) => to.faults.push({ station: value.station, kind: "slowdown", after_s: 0,
      duration_s: to.horizon_s, factor: 100 / value.speed }),
    say: (value, model) => t("say.speed", { station: called(model.stations, value.station),
      speed: number(value.speed) }),
  },
  buffer: {
    fits: (model) => model.buffers.length > 0,
    fields: (model) => [
      { key: "buffer", label: t("field.buffer"), options: choices(model.buffers) },
      count("capacity", 2 * (model.buffers[0]?.capacity ?? 10), 1, 100000)],
    suggest: (value, model) => {
      const now = item(model.buffers, value.buffer)?.capacity;
      return { capacity: now ? 2 * now : 100 };
    },
    apply: (value, to) => { to.changes[`buffers.${value.buffer}.capacity`] = value.capacity; },
    say: (value, model) => t("say.buffer", { buffer: called(model.buffers, value.buffer),
      capacity: number(value.capacity) }),
  },
  servers: {
    fields: (model) => [stationField(model), count("servers", (model.stations[0]?.servers ?? 1) + 1, 1, 100)],
    suggest: (value, model) => ({ servers: (item(model.stations, value.station)?.servers ?? 1) + 1 }),
    apply: (value, to) => { to.changes[`stations.${value.station}.servers`] = value.servers; },
    say: (value, model) => t("say.servers", { station: called(model.stations, value.station),
      servers: number(value.servers) }),
  },
  shift: {
    fits: (model) => model.calendars.length > 0,
    fields: (model) => [
      { key: "calendar", label: t("field.calendar"), options: choices(model.calendars) },
      { key: "shift", label: t("field.shift"), options: Object.keys(SHIFTS).map((key) =>
        ({ value: key, text: t(`shift.${key}`) })) }],
    apply: (value, to, model) => {
      const path = `calendars.${value.calendar}.shifts`;
      const now = to.changes[path] ?? item(model.calendars, value.calendar).shifts;
      to.changes[path] = [...now, SHIFTS[value.shift]];
    },
    say: (value, model) => t("say.shift", { shift: t(`shift.${value.shift}`),
      calendar: called(model.calendars, value.calendar) }),
  },
  order: {
    fields: (model) => [
      { key: "product", label: t("field.product"), options: choices(model.products) },
      count("quantity", 100, 1, 1000000), count("due", 240, 1, 100000)],
    apply: (value, to, model) => {
      let index = 1;
      while (item(model.orders, `rush-${index}`) || to.changes[`orders.rush-${index}`]) index += 1;
      to.changes[`orders.rush-${index}`] = { product: value.product, quantity: value.quantity,
        release_s: to.now_s, due_date_s: to.now_s + 60 * value.due, priority: 100 };
    },
    say: (value, model) => t("say.order", { quantity: number(value.quantity),
      product: called(model.products, value.product), due: duration(60 * value.due) }),
  },
};

// People who stay away, material that comes late, more or less to make: the API calls these events.
KINDS.absent = {
  fits: (model) => (model.crews ?? []).length > 0,
  fields: (model) => [{ key: "crew", label: t("field.crew"), options: choices(model.crews) },
    count("people", 1, 1, 1000), count("minutes", 120, 1, 10080), count("after", 0, 0, 10080)],
  apply: (value, to) => to.events.push({ kind: "operator_absent", crew: value.crew, people: value.people,
    after_s: 60 * value.after, duration_s: 60 * value.minutes }),
  say: (value, model) => t("say.absent", { people: number(value.people), crew: called(model.crews, value.crew),
    length: duration(60 * value.minutes) }),
};
KINDS.late = {
  fields: (model) => [{ key: "source", label: t("field.source"), options: choices(model.sources) },
    count("minutes", 60, 1, 10080), count("after", 0, 0, 10080)],
  apply: (value, to) => to.events.push({ kind: "material_late", source: value.source,
    after_s: 60 * value.after, duration_s: 60 * value.minutes }),
  say: (value, model) => t("say.late", { source: called(model.sources, value.source),
    length: duration(60 * value.minutes) }),
};
KINDS.demand = {
  fits: (model) => model.orders.length > 0 || model.sources.some((source) => source.interarrival_s),
  fields: () => [count("wanted", 115, 1, 1000)],
  apply: (value, to) => to.events.push({ kind: "demand", factor: value.wanted / 100 }),
  say: (value) => t("say.demand", { wanted: number(value.wanted) }),
};
// An event that came in by file or API and has no form: it is kept as it is.
KINDS.event = {
  fits: () => false,
  fields: () => [{ key: "event", label: t("field.event"), value: "" }],
  apply: (value, to) => to.events.push(typed(value.event)),
  say: (value) => t("say.event", { kind: typed(value.event).kind ?? "?" }),
};

/** The value at a dotted path; items of a list go by their id. */
function valueAt(model, path) {
  return path.split(".").reduce((from, key) =>
    (Array.isArray(from) ? item(from, key) : from?.[key]), model);
}

/** Every path of the model that ends in a number, a word or a switch. */
function paths(from, before = []) {
  if (from === null || typeof from !== "object") return before.length > 1 ? [before.join(".")] : [];
  return Object.entries(from).flatMap(([key, value]) => {
    const name = Array.isArray(from) ? value?.id : key;
    return name === undefined || name === "id" ? [] : paths(value, [...before, name]);
  });
}

/** A value as typed: JSON where it is some, else the text itself. */
function typed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
const written = (value) => (typeof value === "string" ? value : JSON.stringify(value));

// Everything else that a line file can say.
KINDS.value = {
  fields: (model) => [
    { key: "path", label: t("field.path"), value: "", known: paths(model) },
    { key: "value", label: t("field.value"), value: "" }],
  suggest: (value, model) => {
    const now = valueAt(model, value.path);
    return value.value === "" && now !== undefined && now !== null ? { value: written(now) } : {};
  },
  apply: (value, to) => { to.changes[value.path] = typed(value.value); },
  say: (value) => t("scenarios.given", { path: value.path, value: value.value }),
};

/** The cards that a kept scenario comes to: [kind, values] each. */
export function cardsOf(scenario, model) {
  const faults = scenario.faults.map((fault) => (fault.kind === "slowdown"
    ? ["speed", { station: fault.station, speed: Math.round(100 / fault.factor) }]
    : ["breakdown", { station: fault.station, minutes: fault.duration_s / 60, after: fault.after_s / 60 }]));
  const changes = Object.entries(scenario.changes).map(([path, value]) => {
    const [list, id, key, ...more] = path.split(".");
    const known = item(model[list] ?? [], id) && !more.length;
    if (known && list === "buffers" && key === "capacity") return ["buffer", { buffer: id, capacity: value }];
    if (known && list === "stations" && key === "servers") return ["servers", { station: id, servers: value }];
    return ["value", { path, value: written(value) }];
  });
  return [...faults, ...(scenario.events ?? []).map(cardOfEvent), ...changes];
}

function cardOfEvent(event) {
  const time = { minutes: event.duration_s / 60, after: (event.after_s ?? 0) / 60 };
  if (event.kind === "breakdown") return ["breakdown", { station: event.station, ...time }];
  if (event.kind === "operator_absent" && event.crew) {
    return ["absent", { crew: event.crew, people: event.people ?? 1, ...time }];
  }
  if (event.kind === "material_late") return ["late", { source: event.source, ...time }];
  if (event.kind === "demand") return ["demand", { wanted: 100 * event.factor }];
  return ["event", { event: JSON.stringify(event) }];
}

/** What a kept scenario changes, in a planner's words. */
export function sayScenario(scenario, model) {
  const said = cardsOf(scenario, model).map(([kind, values]) => sayOne(kind, values, model));
  return said.join(" + ") || t("scenarios.same");
}

function sayOne(kind, values, model) {
  const [list, id] = String(values.path ?? "").split(".");
  if (list === "orders" && !item(model.orders, id)) {
    const { quantity, product, due_date_s, release_s } = typed(values.value);
    if (product) return KINDS.order.say({ quantity, product, due: (due_date_s - release_s) / 60 }, model);
  }
  return KINDS[kind].say(values, model);
}

let lists = 0;
/** The id of a list of suggestions for a field, made when it is first asked for. */
function listOf(field) {
  if (!field.known) return null;
  const list = el("datalist", { id: `known-${lists += 1}` }, field.known.map((value) => el("option", { value })));
  document.body.append(list);
  return list.id;
}

/** One change in the form. */
export class ChangeCard {
  constructor(model, { kind = "breakdown", values = {}, changed, remove }) {
    this.model = model;
    this.changed = changed;
    this.kind = el("select", { "aria-label": t("field.kind"), name: "kind" },
      Object.entries(KINDS).filter(([key, one]) => key === kind || (one.fits?.(model) ?? true)).map(([key]) =>
        el("option", { value: key, text: t(`kind.${key}`), selected: key === kind })));
    this.fields = el("div", { class: "fields" });
    this.node = el("div", { class: "change", role: "group", "aria-label": t("change.label") },
      el("div", { class: "change-head" }, this.kind,
        el("button", { type: "button", class: "quiet", text: "✕", "aria-label": t("change.remove"),
          onclick: () => { this.node.remove(); remove(this); } })),
      this.fields);
    this.kind.addEventListener("change", () => { this.ask(this.value()); changed(); });
    this.ask(values);
  }

  ask(values) {
    const kind = KINDS[this.kind.value];
    this.inputs = new Map();
    this.fields.replaceChildren(...kind.fields(this.model).map((field) => {
      const given = values[field.key] ?? field.value;
      const input = field.options
        ? el("select", { name: field.key }, field.options.map((one) => el("option", {
          ...one, selected: String(one.value) === String(given) })))
        : el("input", { name: field.key, type: field.type, min: field.min, max: field.max,
          step: field.step, value: given, required: true, autocomplete: "off", list: listOf(field) });
      this.inputs.set(field.key, input);
      input.addEventListener("input", () => {
        if ((field.options || field.known) && kind.suggest) this.put(kind.suggest(this.value(), this.model));
        this.changed();
      });
      return el("label", {}, field.label, input);
    }));
    if (kind.suggest) this.put({ ...kind.suggest(this.value(), this.model), ...values });
  }

  put(values) {
    for (const [key, value] of Object.entries(values)) if (this.inputs.has(key)) this.inputs.get(key).value = value;
  }

  value() {
    const read = (input) => (input.type === "number" ? Number(input.value) : input.value);
    return Object.fromEntries([...this.inputs].map(([key, input]) => [key, read(input)]));
  }

  say() { return KINDS[this.kind.value].say(this.value(), this.model); }

  /** Put the change into a scenario, and note where: findings name it by that. */
  apply(to) {
    const has = () => [...Object.keys(to.changes).map((path) => `changes.${path}`),
      ...["faults", "events"].flatMap((list) => to[list].map((_, at) => `${list}.${at}`))];
    const before = has();
    KINDS[this.kind.value].apply(this.value(), to, this.model);
    this.node.dataset.path = has().filter((path) => !before.includes(path)).join(" ");
  }
}
