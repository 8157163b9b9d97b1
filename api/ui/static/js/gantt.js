// A Gantt chart on a canvas: thousands of bars, dragged and zoomed by mouse, touch or keyboard.

import { barText } from "./bars.js";
import { clock, el, on, t } from "./core.js";
import { lines } from "./lettering.js";
import { arrange } from "./map.js";

const COLOURS = ["#3f7fbf", "#e08a3c", "#4aa564", "#a970c9", "#d1495b", "#2a9d8f", "#c9a227",
  "#6c757d", "#8d6e4f", "#5b6ee1", "#b5838d", "#7fb069"];
const ROW = 34;
const LANE = (ROW - 10) / 2;
const SHARED_S = 1;
const HEAD = 26;
const STEPS = [60, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800];

export class Gantt {
  constructor(node, model) {
    this.model = model;
    this.canvas = el("canvas", { tabindex: 0, role: "img" });
    this.tip = el("div", { class: "tip", hidden: true });
    node.replaceChildren(this.canvas, this.tip);
    this.node = node;
    this.rows = arrange(model).columns.flat();
    this.names = new Map(model.stations.map((item) => [item.id, item.name || item.id]));
    this.held = null;
    this.wire();
    new ResizeObserver(() => this.draw()).observe(node);
    on("theme", () => requestAnimationFrame(() => this.draw()));
  }

  colour(order) { return COLOURS[this.orders.indexOf(order) % COLOURS.length] ?? COLOURS[0]; }

  show(result) {
    const seconds = (moment) => new Date(moment).getTime() / 1000;
    this.orders = [...new Set(result.operations.map((bar) => bar.order))].sort();
    this.bars = result.operations.map((bar) => ({ ...bar, from: seconds(bar.start), to: seconds(bar.end),
      row: this.rows.indexOf(bar.station), fill: this.colour(bar.order) }));
    this.share();
    this.closed = (result.closed ?? []).map((pause) => ({ from: seconds(pause.start), to: seconds(pause.end),
      row: this.rows.indexOf(pause.station) }));
    this.dues = result.orders.filter((order) => order.due_date)
      .map((order) => ({ order: order.order, at: seconds(order.due_date), late: order.tardiness_s > 0 }))
      .sort((a, b) => a.at - b.at);
    this.nowAt ??= seconds(result.provenance.as_of);
    this.canvas.setAttribute("aria-label", t("gantt.label", {
      bars: this.bars.length, stations: this.rows.length, orders: this.orders.length }));
    this.reset();
  }

  /** Orders of which parts are at a station by turns share its row: one above, the next below. */
  share() {
    let before = null; // of the same row, the one that ends last
    for (const bar of [...this.bars].sort((a, b) => a.row - b.row || a.from - b.from)) {
      const along = before?.row === bar.row && bar.from < before.to - SHARED_S;
      if (along) {
        before.lane ??= 0;
        bar.lane = 1 - before.lane;
      }
      if (!along || bar.to > before.to) before = bar;
    }
  }

  reset() {
    if (!this.bars?.length) return;
    const from = Math.min(...this.bars.map((bar) => bar.from - bar.setup_s));
    const to = Math.max(...this.bars.map((bar) => bar.to));
    const room = (to - from) * 0.02 + 1;
    this.full = [from - room, to + room];
    this.view = [...this.full];
    this.draw();
  }

  now(moment) {
    this.nowAt = new Date(moment).getTime() / 1000;
    if (this.view) this.ask();
  }

  highlight(order) {
    this.marked = order;
    this.ask();
  }

  ask() {
    if (this.asked) return;
    this.asked = requestAnimationFrame(() => { this.asked = 0; this.draw(); });
  }

  x(at) { return this.left + ((at - this.view[0]) / (this.view[1] - this.view[0])) * (this.width - this.left - 8); }
  at(x) { return this.view[0] + ((x - this.left) / (this.width - this.left - 8)) * (this.view[1] - this.view[0]); }

  /** Break the names of the stations to the room that they have; it changes with the width only. */
  lay(left) {
    if (left === this.left) return;
    this.left = left;
    const font = `12px ${getComputedStyle(this.node).fontFamily}`;
    this.heads = new Map(this.rows.map((id) => [id, lines(this.names.get(id), left - 12, 2, font)]));
  }

  draw() {
    if (!this.view) return;
    this.width = this.node.clientWidth;
    this.lay(Math.min(150, this.width * 0.2));
    const height = HEAD + this.rows.length * ROW + 20;
    const scale = devicePixelRatio || 1;
    const pen = this.canvas.getContext("2d");
    const size = [Math.round(this.width * scale), Math.round(height * scale)];
    if (this.canvas.width !== size[0] || this.canvas.height !== size[1]) {
      [this.canvas.width, this.canvas.height] = size;
      this.canvas.style.height = `${height}px`;
    }
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, this.width, height);
    const style = getComputedStyle(document.documentElement);
    const inks = new Map();
    this.ink = (name) => {
      if (!inks.has(name)) inks.set(name, style.getPropertyValue(name).trim());
      return inks.get(name);
    };
    pen.font = `12px ${this.ink("--font")}`;
    pen.textBaseline = "middle";
    this.drawGrid(pen, height);
    pen.save();
    pen.beginPath();
    pen.rect(this.left, 0, this.width - this.left, height);
    pen.clip();
    this.drawDues(pen, height);
    this.drawBars(pen);
    this.drawNow(pen, height);
    pen.restore();
  }

  drawGrid(pen, height) {
    pen.fillStyle = this.ink("--ink");
    this.rows.forEach((id, row) => {
      const y = HEAD + row * ROW;
      if (row % 2 === 0) {
        pen.fillStyle = this.ink("--surface-2");
        pen.fillRect(0, y, this.width, ROW);
      }
      pen.fillStyle = this.ink("--ink");
      const head = this.heads.get(id);
      head.forEach((line, at) => pen.fillText(line, 6, y + ROW / 2 + 14 * (at - (head.length - 1) / 2)));
    });
    const span = this.view[1] - this.view[0];
    const step = STEPS.find((size) => (span / size) * 64 < this.width - this.left) ?? STEPS.at(-1);
    const offset = new Date(this.view[0] * 1000).getTimezoneOffset() * 60;
    pen.strokeStyle = this.ink("--rule");
    pen.fillStyle = this.ink("--muted");
    pen.textAlign = "center";
    for (let at = Math.ceil((this.view[0] - offset) / step) * step + offset; at < this.view[1]; at += step) {
      const x = Math.round(this.x(at)) + 0.5;
      pen.beginPath();
      pen.moveTo(x, HEAD - 4);
      pen.lineTo(x, height - 20);
      pen.stroke();
      const moment = new Date(at * 1000);
      pen.fillText(clock(moment, { seconds: false, day: step >= 43200 }), x, HEAD / 2);
    }
    pen.textAlign = "left";
  }

  /** All bars in view, a colour at a time. */
  drawBars(pen) {
    const [from, to] = this.view;
    const seen = this.bars.filter((bar) => bar.to >= from && bar.from - bar.setup_s <= to);
    const faint = this.marked ? seen.filter((bar) => bar.order !== this.marked) : [];
    const clear = this.marked ? seen.filter((bar) => bar.order === this.marked) : seen;
    for (const [bars, alpha] of [[faint, 0.18], [clear, 1]]) {
      pen.globalAlpha = alpha;
      pen.fillStyle = this.ink("--setup");
      this.fillAll(pen, bars.filter((bar) => bar.setup_s > 0), (bar) => this.setupBox(bar));
      for (const fill of COLOURS) {
        pen.fillStyle = fill;
        this.fillAll(pen, bars.filter((bar) => bar.fill === fill), (bar) => this.box(bar));
      }
    }
    this.drawClosed(pen);
    for (const bar of clear) if (bar.lane === undefined) this.drawName(pen, bar);
    pen.font = `10px ${this.ink("--font")}`;
    for (const bar of clear) if (bar.lane !== undefined) this.drawName(pen, bar);
    pen.font = `12px ${this.ink("--font")}`;
  }

  /** Where a station is closed its bars pause: they are pale there, and so is the ground. */
  drawClosed(pen) {
    pen.fillStyle = this.ink("--closed");
    pen.globalAlpha = 0.7;
    for (const { from, to, row } of this.closed) {
      const x = this.x(from);
      pen.fillRect(x, HEAD + row * ROW + 1, this.x(to) - x, ROW - 2);
    }
    pen.globalAlpha = 1;
  }

  /** Broad bars have round corners, in one path; narrow ones are plain, which is drawn at half the cost. */
  fillAll(pen, bars, box) {
    pen.beginPath();
    for (const bar of bars) {
      const [x, y, width, height] = box(bar);
      if (width > 12) pen.roundRect(x, y, width, height, 4);
      else pen.fillRect(x, y, width, height);
    }
    pen.fill();
  }

  box(bar) {
    const x = this.x(bar.from);
    const y = HEAD + bar.row * ROW + 5;
    const width = Math.max(1, this.x(bar.to) - x - 0.8);
    return bar.lane === undefined ? [x, y, width, ROW - 10] : [x, y + bar.lane * LANE, width, LANE - 1];
  }

  setupBox(bar) {
    const x = this.x(bar.from - bar.setup_s);
    return [x, HEAD + bar.row * ROW + ROW - 11, this.x(bar.from) - x, 6];
  }

  drawName(pen, bar) {
    const [x, y, width, height] = this.box(bar);
    if (bar === this.picked || bar.locked) this.drawMark(pen, bar, x, y, width, height);
    if (width <= 8 * bar.order.length) return;
    pen.fillStyle = "#fff";
    pen.fillText((bar.locked ? "▪ " : "") + bar.order, x + 6, y + height / 2);
  }

  /** A bar that is picked has a broad outline, one that is locked a dark one. */
  drawMark(pen, bar, x, y, width, height) {
    pen.strokeStyle = this.ink(bar === this.picked ? "--accent" : "--ink");
    pen.lineWidth = bar === this.picked ? 3 : 2;
    pen.strokeRect(x + 1, y + 1, Math.max(1, width - 2.8), height - 2);
    pen.lineWidth = 1;
  }

  /** The due dates; a name that would cover the one before is left to the table. */
  drawDues(pen, height) {
    let free = this.left;
    for (const due of this.dues) {
      const x = this.x(due.at);
      if (this.marked && this.marked !== due.order) continue;
      pen.strokeStyle = this.colour(due.order);
      pen.setLineDash([4, 4]);
      pen.beginPath();
      pen.moveTo(x, HEAD);
      pen.lineTo(x, height - 20);
      pen.stroke();
      pen.setLineDash([]);
      pen.fillStyle = this.ink(due.late ? "--bad" : "--good");
      pen.textAlign = "center";
      const name = `${due.late ? "✕" : "✓"} ${due.order}`;
      const half = pen.measureText(name).width / 2;
      if (x - half >= free) {
        pen.fillText(name, x, height - 10);
        free = x + half + 6;
      }
      pen.textAlign = "left";
    }
  }

  drawNow(pen, height) {
    const x = this.x(this.nowAt);
    pen.strokeStyle = this.ink("--accent");
    pen.lineWidth = 2;
    pen.beginPath();
    pen.moveTo(x, HEAD - 6);
    pen.lineTo(x, height - 20);
    pen.stroke();
    pen.lineWidth = 1;
  }

  wire() {
    const { canvas } = this;
    canvas.addEventListener("wheel", (event) => {
      if (!this.view || !(event.ctrlKey || event.shiftKey || event.deltaX)) return;
      event.preventDefault();
      if (event.ctrlKey) this.zoom(Math.exp(event.deltaY / 300), this.at(event.offsetX));
      else this.pan(((event.deltaX || event.deltaY) / this.width) * (this.view[1] - this.view[0]));
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      if (this.grab?.(event)) return;
      this.held = event.clientX;
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!this.view) return;
      if (this.held === null) { this.point(event); return; }
      this.pan(((this.held - event.clientX) / (this.width - this.left)) * (this.view[1] - this.view[0]));
      this.held = event.clientX;
    });
    for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, () => { this.held = null; });
    canvas.addEventListener("pointerleave", () => { this.tip.hidden = true; });
    canvas.addEventListener("dblclick", () => this.reset());
    canvas.addEventListener("keydown", (event) => {
      const span = this.view ? this.view[1] - this.view[0] : 0;
      const act = { ArrowLeft: () => this.pan(-span / 10), ArrowRight: () => this.pan(span / 10),
        "+": () => this.zoom(0.8), "-": () => this.zoom(1.25), "0": () => this.reset() }[event.key];
      if (!act || !this.view || event.altKey) return; // with Alt a bar is moved, not the view
      event.preventDefault();
      act();
    });
  }

  pan(by) {
    const span = this.view[1] - this.view[0];
    const from = Math.min(Math.max(this.view[0] + by, this.full[0] - span / 2), this.full[1] - span / 2);
    this.view = [from, from + span];
    this.ask();
  }

  zoom(by, about = (this.view[0] + this.view[1]) / 2) {
    const span = Math.min((this.view[1] - this.view[0]) * by, 2 * (this.full[1] - this.full[0]));
    if (span < 30) return;
    const share = (about - this.view[0]) / (this.view[1] - this.view[0]);
    this.view = [about - share * span, about + (1 - share) * span];
    this.ask();
  }

  rowAt(y) { return Math.floor((y - HEAD) / ROW); }

  /** The bar below the pointer, if there is one. */
  barAt(event) {
    const row = this.rowAt(event.offsetY);
    const at = this.at(event.offsetX);
    const below = this.bars.filter((item) => item.row === row && item.from <= at && at <= item.to);
    const lower = event.offsetY - HEAD - row * ROW > ROW / 2;
    return below.find((item) => item.lane === undefined || item.lane === Number(lower)) ?? below[0];
  }

  point(event) {
    const bar = event.offsetX < this.left ? null : this.barAt(event);
    const station = event.offsetX < this.left ? this.names.get(this.rows[this.rowAt(event.offsetY)]) : "";
    this.tip.hidden = !bar && !station;
    if (this.tip.hidden) return;
    this.tip.style.left = `${Math.min(event.offsetX + 14, this.width - 240)}px`;
    this.tip.style.top = `${event.offsetY + 14}px`;
    if (!bar) { this.tip.textContent = station; return; }
    const product = this.model.products.find((item) => item.id === bar.product);
    this.tip.textContent = barText(bar, product?.name || bar.product, this.names.get(bar.station));
  }
}
