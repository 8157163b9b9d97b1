// The live line as a drawing: stations, what waits between them, and parts on their way.

import { number, svg, t, unit } from "./core.js";
import { lines } from "./lettering.js";

/** A card of a station; names take up to three lines, and cards grow by what the longest takes. */
const CARD = { height: 152, line: 16, lines: 3, pad: 10, least: 108, most: 190, gapX: 50, gapY: 24, tail: 22 };
const SPARK = { points: 60, height: 22 };
const COLOURS = ["#4e79a7", "#e07b39", "#59a14f", "#b07aa1", "#d4a72c", "#e15759", "#499894", "#9c755f"];

/** Where each station stands: columns by the step at which a routing first comes to it. */
export function arrange(model) {
  const step = new Map();
  const links = new Map();
  for (const product of model.products) {
    let before = [];
    product.routing.forEach((operation, index) => {
      for (const station of operation.stations) {
        step.set(station, Math.min(step.get(station) ?? Infinity, index));
        for (const from of before) links.set(`${from}>${station}`, { from, to: station });
      }
      before = operation.stations;
    });
  }
  const steps = [...new Set(step.values())].sort((a, b) => a - b);
  const columns = steps.map((at) =>
    model.stations.filter((station) => step.get(station.id) === at).map((station) => station.id));
  return { columns, links: [...links.values()].filter((link) => link.from !== link.to) };
}

/** The colour of a product, the same everywhere on the page. */
export function productColour(model, product) {
  const index = model.products.map((item) => item.id).sort().indexOf(product);
  return index < 0 ? "var(--off)" : COLOURS[index % COLOURS.length];
}

export class LineMap {
  constructor(node, model) {
    this.node = node;
    this.model = model;
    this.plan = arrange(model);
    this.stations = new Map();
    this.tanks = new Map();
    this.history = new Map();
    this.links = new Map();
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.names = new Map(model.stations.map((item) => [item.id, item.name || item.id]));
    this.products = new Map(model.products.map((item) => [item.id, item.name || item.id]));
    new ResizeObserver(() => this.layOut()).observe(node);
    this.layOut();
  }

  /** Draw the frame for the width there is; long lines go on in the next row. */
  layOut() {
    const width = this.node.clientWidth;
    if (!width || width === this.width) return;
    this.width = width;
    const count = this.plan.columns.length;
    const fit = Math.max(1, Math.floor((width - CARD.tail) / (CARD.least + CARD.gapX)));
    const rows = Math.ceil(count / fit);
    const perRow = Math.ceil(count / rows);
    const card = Math.min(CARD.most, (width - CARD.tail) / perRow - CARD.gapX);
    this.card = card;
    this.heads = new Map(this.model.stations.map(({ id }) => [id, this.fit(this.names.get(id), "660 13px", CARD.lines)]));
    this.down = CARD.line * (Math.max(...[...this.heads.values()].map((head) => head.length)) - 1);
    this.high = CARD.height + this.down;
    const stack = Math.max(...this.plan.columns.map((column) => column.length));
    const rowHeight = stack * (this.high + CARD.gapY);
    this.place = new Map();
    this.plan.columns.forEach((column, index) => {
      const row = Math.floor(index / perRow);
      const x = CARD.gapX + (index % perRow) * (card + CARD.gapX);
      const top = row * rowHeight + (rowHeight - column.length * (this.high + CARD.gapY)) / 2;
      column.forEach((id, depth) => {
        this.place.set(id, { x, y: top + CARD.gapY / 2 + depth * (this.high + CARD.gapY), row });
      });
    });
    const height = rows * rowHeight;
    this.picture = svg("svg", { class: "line-map", viewBox: `0 0 ${width} ${height}`, height,
      role: "list", "aria-label": t("map.label") });
    this.belts = svg("g", { "aria-hidden": "true" });
    this.moving = svg("g", { "aria-hidden": "true" });
    this.picture.append(this.belts, this.moving);
    this.drawBelts();
    for (const station of this.model.stations) if (this.place.has(station.id)) this.drawStation(station);
    this.node.replaceChildren(this.picture);
    if (this.last) this.show(this.last, null);
  }

  /** The lines of a text as they fit on a card. */
  fit(text, font, most = 1) {
    return lines(text, this.card - 2 * CARD.pad, most, `${font} ${getComputedStyle(this.node).fontFamily}`);
  }

  drawBelts() {
    this.links.clear();
    const entry = this.plan.columns[0].map((to) => ({ from: null, to }));
    for (const from of this.plan.columns.at(-1)) {
      const { x, y } = this.place.get(from);
      this.belts.append(svg("path", { class: "belt", d: `M${x + this.card} ${y + this.high / 2}h${CARD.tail - 4}` }));
    }
    for (const { from, to } of [...entry, ...this.plan.links]) {
      const b = this.place.get(to);
      const a = from ? this.place.get(from) : { x: b.x - CARD.gapX - this.card, y: b.y, row: b.row };
      const middle = (spot) => spot.y + this.high / 2;
      const x1 = a.x + this.card;
      const x2 = b.x;
      let path;
      if (a.row === b.row && x2 > x1) {
        const bend = (x1 + x2) / 2;
        path = middle(a) === middle(b) ? `M${x1} ${middle(a)}H${x2}`
          : `M${x1} ${middle(a)}C${bend} ${middle(a)} ${bend} ${middle(b)} ${x2} ${middle(b)}`;
      } else {
        const turn = a.row === b.row ? b.y - 8 : b.y - CARD.gapY / 2;
        path = `M${x1} ${middle(a)}h10V${turn}H${x2 - 16}V${middle(b)}H${x2}`;
      }
      const belt = svg("path", { class: "belt", d: path });
      this.belts.append(belt);
      if (!this.links.has(to)) this.links.set(to, []);
      this.links.get(to).push(belt);
    }
  }

  drawStation(station) {
    const { x, y } = this.place.get(station.id);
    const w = this.card;
    const { high, down } = this;
    const parts = {
      edge: svg("rect", { class: "edge f-unknown", x: 0, y: 0, width: w, height: 5, rx: 2.5 }),
      word: svg("text", { x: 32, y: 45 + down, style: { fontWeight: 620 } }),
      mark: svg("use", { href: "#g-off", x: 10, y: 32 + down, width: 16, height: 16 }),
      product: svg("text", { class: "soft", x: 10, y: 68 + down }),
      order: svg("text", { class: "soft", x: 10, y: 84 + down }),
      servers: svg("g", { transform: `translate(${w - 12} 20)` }),
      spark: svg("path", { class: "spark" }),
      signal: svg("text", { class: "soft", x: 10, y: high - 10 }),
      count: svg("text", { class: "soft", x: w - 10, y: high - 10, "text-anchor": "end" }),
      tip: svg("title"),
    };
    const group = svg("g", {
      class: "station", role: "listitem", tabindex: 0, transform: `translate(${x} ${y})`,
      "data-station": station.id,
    },
    parts.tip, svg("rect", { class: "box", width: w, height: high, rx: 10 }), parts.edge,
    svg("text", { class: "name" }, this.heads.get(station.id).map((line, at) =>
      svg("tspan", { x: CARD.pad, y: 24 + CARD.line * at, text: line }))),
    parts.servers, parts.mark, parts.word, parts.product, parts.order,
    svg("g", { transform: `translate(10 ${high - 56})` }, parts.spark), parts.signal, parts.count);
    this.picture.append(group);
    this.stations.set(station.id, { group, parts });
    if (station.input_buffer) this.drawTank(station.input_buffer, x, y);
  }

  drawTank(id, x, y) {
    const box = { w: 20, h: 74 };
    const left = x - CARD.gapX / 2 - box.w / 2;
    const top = y + (this.high - box.h) / 2;
    const fill = svg("rect", { class: "fill", x: left + 2, width: box.w - 4, rx: 3, y: top + box.h, height: 0 });
    const text = svg("text", { class: "soft", x: left + box.w / 2, y: top + box.h + 15, "text-anchor": "middle" });
    const name = this.model.buffers.find((item) => item.id === id)?.name || id;
    const group = svg("g", { class: "tank-group", role: "listitem" },
      svg("rect", { class: "tank", x: left, y: top, width: box.w, height: box.h, rx: 5 }), fill, text,
      svg("title", { text: name }));
    this.picture.append(group);
    this.tanks.set(id, { group, fill, text, name, top, box });
  }

  /** Show a state; parts that moved since `before` travel along the belts. */
  show(state, before) {
    this.last = state;
    this.picture.classList.toggle("stale", state.link.status === "lost");
    const old = new Map((before?.stations ?? []).map((item) => [item.id, item]));
    for (const station of state.stations) this.showStation(station, state, old.get(station.id));
    for (const buffer of state.buffers) this.showTank(buffer);
  }

  showStation(station, state, old) {
    const drawn = this.stations.get(station.id);
    if (!drawn) return;
    const { parts, group } = drawn;
    const short = (text) => this.fit(text, "400 11.5px")[0];
    const busy = station.servers.find((server) => server.product) ?? station.servers[0];
    const modes = station.failure_modes.join(", ");
    parts.edge.setAttribute("class", `edge f-${station.status}`);
    parts.word.setAttribute("class", `f-${station.status}`);
    parts.word.textContent = t(`status.${station.status}`);
    parts.mark.setAttribute("href", `#g-${station.status}`);
    parts.mark.setAttribute("class", `s-${station.status}`);
    const product = busy?.product ? this.products.get(busy.product) ?? busy.product : "";
    const doing = [modes, product, busy?.order].filter(Boolean).join(", ") || t("map.no_part");
    parts.product.textContent = short(modes || product || t("map.no_part"));
    parts.order.textContent = short(modes ? product : busy?.order ?? "");
    parts.count.textContent = number(station.processed);
    const several = station.servers.length > 1 ? station.servers : [];
    parts.servers.replaceChildren(...several.map((server, index) => svg("circle", {
      class: `server f-${server.status}`, r: 4.5, cx: -10 * (several.length - 1 - index), cy: 0,
    })));
    this.showSignal(station, parts);
    const told = t("map.station", { station: this.names.get(station.id), status: t(`status.${station.status}`),
      doing, processed: number(station.processed) });
    group.setAttribute("aria-label", told);
    if (parts.tip.textContent !== told) parts.tip.textContent = told;
    if (old && station.processed === old.processed + 1) this.travel(station.id, busy?.product);
    else if (old && busy?.part && busy.part !== old.servers[0]?.part) this.travel(station.id, busy.product);
  }

  showSignal(station, parts) {
    const [name, signal] = Object.entries(station.signals)[0] ?? [];
    if (!signal) return;
    const seen = this.history.get(station.id) ?? [];
    if (seen.at(-1)?.as_of !== signal.as_of) seen.push(signal);
    if (seen.length > SPARK.points) seen.shift();
    this.history.set(station.id, seen);
    const values = seen.map((item) => item.value);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const span = Math.max(high - low, Math.abs(high) * 0.2, 1e-9);
    const x = (index) => (index * (this.card - 20)) / (SPARK.points - 1);
    const y = (value) => SPARK.height - 2 - ((value - low) / span) * (SPARK.height - 4);
    parts.spark.setAttribute("d", values.map((value, index) =>
      `${index ? "L" : "M"}${x(index).toFixed(1)} ${y(value).toFixed(1)}`).join(""));
    parts.signal.textContent = `${number(signal.value, 1)} ${unit(signal.unit)}`;
    parts.signal.replaceChildren(parts.signal.textContent, svg("title", { text: name }));
  }

  showTank({ id, level, capacity }) {
    const tank = this.tanks.get(id);
    if (!tank) return;
    const full = capacity ? level / capacity : Math.min(1, level / 50);
    const height = Math.min(1, full) * (tank.box.h - 4);
    tank.fill.setAttribute("height", height);
    tank.fill.setAttribute("y", tank.top + tank.box.h - 2 - height);
    tank.fill.classList.toggle("full", Boolean(capacity) && level >= capacity);
    tank.text.textContent = capacity ? `${number(level)}/${number(capacity)}` : number(level);
    tank.group.setAttribute("aria-label",
      t("map.buffer", { buffer: tank.name, level, capacity: capacity ?? t("map.no_limit") }));
  }

  /** Let one part travel along a belt into a station. */
  travel(station, product) {
    if (this.calm.matches || document.hidden || this.moving.childElementCount > 40) return;
    const belts = this.links.get(station);
    if (!belts?.length) return;
    const belt = belts[0];
    const length = belt.getTotalLength();
    const dot = svg("rect", { width: 11, height: 11, x: -5.5, y: -5.5, rx: 2.5,
      style: { fill: product ? productColour(this.model, product) : "var(--accent)" } });
    this.moving.append(dot);
    const began = performance.now();
    const move = (now) => {
      const share = Math.min(1, (now - began) / 650);
      const { x, y } = belt.getPointAtLength(share * length);
      dot.setAttribute("transform", `translate(${x} ${y})`);
      if (share < 1) requestAnimationFrame(move);
      else dot.remove();
    };
    requestAnimationFrame(move);
  }
}
