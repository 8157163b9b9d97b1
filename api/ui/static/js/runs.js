// The queue: every run, schedule and forecast that was asked for, how far it is, and its result.

import { $, api, clock, duration, el, number, on, page, percent, showProblem, site, start, t } from "./core.js";
import { redraw } from "./focus.js";
import { step } from "./jobs.js";
import { worded } from "./phrases.js";

const FINAL = new Set(["succeeded", "failed", "cancelled"]);
const TONE = { succeeded: "good", failed: "bad", cancelled: "", running: "warn", queued: "" };
const jobs = new Map();
let names = new Map();
let runs = new Map();

/** Where the result of a job is looked at. */
function place(job) {
  const query = new URLSearchParams({ line: job.line_id });
  if (job.kind === "training") return null;
  query.set(job.kind, job.subject_id);
  const several = (runs.get(job.subject_id)?.scenario_ids.length ?? 1) > 1;
  const path = { run: several ? page.compare : page.whatif, schedule: page.schedule, forecast: page.forecast };
  return `${path[job.kind]}?${query}`;
}

function title(job) {
  const scenarios = runs.get(job.subject_id)?.scenario_ids ?? [];
  const named = scenarios.map((id) => names.get(id) ?? id).join(", ");
  const text = named || t(`runs.kind_${job.kind}`);
  const href = job.status === "succeeded" ? place(job) : null;
  return href ? el("a", { href, text }) : el("span", { text });
}

function spent(job) {
  if (!job.started_at) return "–";
  const end = job.finished_at ? Date.parse(job.finished_at) : Date.now();
  return duration(Math.max(0, end - Date.parse(job.started_at)) / 1000);
}

function progress(job) {
  if (job.status === "failed") return el("span", { class: "small", text: worded(job.problem?.detail || job.problem?.title || "") });
  if (job.status !== "running") return el("span", { class: "muted", text: "" });
  return el("div", {}, el("progress", { max: 1, value: job.progress.fraction, "aria-label": t("job.progress") }),
    el("span", { class: "muted small", text: [percent(job.progress.fraction), step(job.progress.message)].filter(Boolean).join(" · ") }));
}

function row(job) {
  const cancel = FINAL.has(job.status) ? null : el("button", { type: "button", class: "quiet",
    text: t("job.cancel"), onclick: async (event) => {
      event.target.disabled = true;
      try {
        take(await api(`/v1/jobs/${job.id}:cancel`, { method: "POST" }));
      } catch (error) {
        if (error.status !== 409) showProblem($("#form-problem"), error);
      }
    } });
  return el("tr", { "data-job": job.id, "data-status": job.status },
    el("th", { scope: "row" }, title(job)),
    el("td", { class: "muted", text: t(`runs.kind_${job.kind}`) }),
    el("td", {}, el("span", { class: `tag ${TONE[job.status]}`, text: t(`job.${job.status}`) })),
    el("td", {}, progress(job)),
    el("td", { class: "num muted", text: clock(job.created_at, { seconds: false, day: true }) }),
    el("td", { class: "num muted", text: spent(job) }),
    el("td", {}, cancel));
}

function show() {
  const newest = [...jobs.values()].sort((a, b) => (a.created_at < b.created_at ? 1 : -1));
  redraw($("#runs tbody"), "job", newest.map(row));
  $("#runs-card").hidden = !newest.length;
  $("#empty").hidden = newest.length > 0;
  const open = newest.filter((job) => !FINAL.has(job.status)).length;
  $("#open-jobs").textContent = t("runs.open", { n: number(open) });
}

function take(job) {
  if (job.line_id !== site.line.id) return;
  const known = jobs.has(job.id);
  jobs.set(job.id, job);
  if (!known && job.kind === "run") refresh();
  else show();
}

async function refresh() {
  const query = new URLSearchParams({ line_id: site.line.id, limit: 200 });
  const [found, ran, kept] = await Promise.all(
    [api("/v1/jobs?limit=200"), api(`/v1/runs?${query}`), api(`/v1/scenarios?${query}`)]);
  runs = new Map(ran.items.map((item) => [item.id, item]));
  names = new Map(kept.items.map((item) => [item.id, item.name]));
  for (const job of found.items) if (job.line_id === site.line.id) jobs.set(job.id, job);
  show();
}

await start();
on("job", take);
on("server", ({ up, again }) => { if (up && again) refresh(); });
await refresh();
