// A plan under a planner's hand: bars are moved by pointer or keys, and stay where they were put.

import { clock, t } from "./core.js";

const SNAP_S = 60;

export class PlanEditor {
  /** `changed(bar)` is told of each move, `say(text)` is read out to who cannot see it. */
  constructor(gantt, model, { changed, say }) {
    Object.assign(this, { gantt, changed, say, past: [] });
    const operations = model.products.flatMap((product) => product.routing.map((step) =>
      [`${product.id}/${step.id}`, new Set(step.stations)]));
    this.allowed = new Map(operations);
    gantt.grab = (event) => this.grab(event);
    gantt.canvas.addEventListener("pointermove", (event) => this.drag(event));
    for (const kind of ["pointerup", "pointercancel"]) {
      gantt.canvas.addEventListener(kind, (event) => this.drop(kind === "pointercancel", event));
    }
    gantt.canvas.addEventListener("keydown", (event) => this.key(event));
  }

  get edited() { return this.past.length > 0; }

  /** Forget all moves: another plan is shown. */
  clear() {
    this.past = [];
    this.held = null;
    this.gantt.picked = null;
  }

  grab(event) {
    const bar = event.button === 0 ? this.gantt.barAt(event) : null;
    this.gantt.picked = bar ?? null;
    this.gantt.ask();
    if (!bar) return false;
    this.held = { bar, before: place(bar), at: this.gantt.at(event.offsetX) };
    this.gantt.canvas.setPointerCapture(event.pointerId);
    this.gantt.tip.hidden = true;
    return true;
  }

  drag(event) {
    if (!this.held) return;
    const { bar, before, at } = this.held;
    const by = this.gantt.at(event.offsetX) - at;
    this.put(bar, this.snapped(bar, before.from + by), this.station(bar, this.gantt.rowAt(event.offsetY)));
    this.gantt.ask();
  }

  drop(cancelled) {
    if (!this.held) return;
    const { bar, before } = this.held;
    this.held = null;
    if (cancelled) this.put(bar, before.from, before.station);
    else this.settle(bar, before);
    this.gantt.ask();
  }

  /** Keep a move that was one: it can be undone, the bar is locked, and whoever listens is told. */
  settle(bar, before) {
    if (bar.from === before.from && bar.station === before.station) return;
    this.past.push({ bar, before });
    bar.locked = true;
    this.tell(bar);
    this.changed(bar);
  }

  undo() {
    const last = this.past.pop();
    if (!last) return;
    this.put(last.bar, last.before.from, last.before.station);
    last.bar.locked = last.before.locked;
    this.gantt.ask();
    this.tell(last.bar);
    this.changed(last.bar);
  }

  toggleLock() {
    const bar = this.gantt.picked;
    if (!bar) return;
    bar.locked = !bar.locked;
    this.gantt.ask();
    this.tell(bar);
    this.changed(bar);
  }

  put(bar, from, station) {
    bar.to += from - bar.from;
    bar.from = from;
    bar.station = station;
    bar.row = this.gantt.rows.indexOf(station);
  }

  /** Whole minutes, and the end of whatever stands shortly before. */
  snapped(bar, from) {
    const near = 6 * ((this.gantt.view[1] - this.gantt.view[0]) / this.gantt.width);
    const ends = this.gantt.bars.filter((other) => other !== bar && other.row === bar.row
      && Math.abs(other.to + bar.setup_s - from) < near);
    return ends.length ? ends[0].to + bar.setup_s : Math.round(from / SNAP_S) * SNAP_S;
  }

  /** The station of a row if the operation may go there, else the one it is at. */
  station(bar, row) {
    const wanted = this.gantt.rows[row];
    return this.allowed.get(`${bar.product}/${bar.operation}`)?.has(wanted) ? wanted : bar.station;
  }

  key(event) {
    const { gantt } = this;
    if (!gantt.bars?.length) return;
    const step = event.shiftKey ? 10 * SNAP_S : SNAP_S;
    const act = event.altKey
      ? { ArrowLeft: () => this.nudge(-step), ArrowRight: () => this.nudge(step),
        ArrowUp: () => this.shift(-1), ArrowDown: () => this.shift(1) }[event.key]
      : { n: () => this.pick(1), p: () => this.pick(-1), l: () => this.toggleLock(),
        z: () => { if (event.ctrlKey || event.metaKey) this.undo(); } }[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    act();
  }

  pick(by) {
    const order = [...this.gantt.bars].sort((a, b) => a.from - b.from || a.row - b.row);
    const at = order.indexOf(this.gantt.picked);
    this.gantt.picked = order[(at + by + order.length) % order.length];
    this.gantt.ask();
    this.tell(this.gantt.picked);
  }

  nudge(by) {
    const bar = this.gantt.picked;
    if (!bar) return;
    const before = place(bar);
    this.put(bar, bar.from + by, bar.station);
    this.settle(bar, before);
    this.gantt.ask();
  }

  shift(by) {
    const bar = this.gantt.picked;
    if (!bar) return;
    const before = place(bar);
    const rows = this.gantt.rows;
    for (let row = bar.row + by; row >= 0 && row < rows.length; row += by) {
      if (this.station(bar, row) !== bar.station) {
        this.put(bar, bar.from, rows[row]);
        this.settle(bar, before);
        this.gantt.ask();
        return;
      }
    }
    this.say(t("edit.nowhere"));
  }

  tell(bar) {
    this.say(t(bar.locked ? "edit.said_locked" : "edit.said", { order: bar.order, operation: bar.operation,
      station: this.gantt.names.get(bar.station), from: clock(moment(bar.from)), to: clock(moment(bar.to)) }));
  }

  /** The plan as it stands, as the API takes it; only what is locked, and has not begun, if asked so. */
  operations(onlyLocked = false) {
    const asked = (bar) => !onlyLocked || (bar.locked && bar.from > this.gantt.nowAt);
    return this.gantt.bars.filter(asked).map((bar) => ({
      order: bar.order, operation: bar.operation, station: bar.station,
      start: moment(bar.from), end: moment(bar.to) }));
  }
}

const place = (bar) => ({ from: bar.from, station: bar.station, locked: bar.locked });
const moment = (seconds) => new Date(seconds * 1000).toISOString();
