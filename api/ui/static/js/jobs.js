// Long work: ask for it, watch it, cancel it; it is found again after a reload.

import { api, duration, el, number, on, percent, Problem, showProblem, t } from "./core.js";
import { verdictTag } from "./figures.js";

const FINAL = new Set(["succeeded", "failed", "cancelled"]);

/** What a job is at, such as "replay 3 of 30", in the language of the page; words it has not stay. */
export function step(message) {
  const [, what, done, total] = message.match(/^(?:(\D+) )?(\d+) of (\d+)(?: runs)?$/) ?? [null, message];
  const key = `job.step.${(what ?? "run").replaceAll(" ", "_")}`;
  const told = t(key, { done, total });
  return told === key ? message : told;
}

/**
 * Follow a job to its end inside a node.
 *
 * `named` gives the name of a scenario by its id. Shows progress, time left and a button that cancels. Resolves to the job when it succeeded, to
 * null when it was cancelled; rejects with a Problem when it failed.
 */
export function follow(job, node, named = (id) => id) {
  const bar = el("progress", { max: 1, "aria-label": t("job.progress") });
  const said = el("p", { class: "muted small", role: "status" });
  const soFar = el("ul", { class: "so-far" });
  const cancel = el("button", { type: "button", text: t("job.cancel"), class: "cancel" });
  node.replaceChildren(el("div", { class: "stack job", "data-job": job.id },
    el("div", { class: "actions" }, said, cancel), bar, soFar));
  node.hidden = false;
  const began = performance.now();
  const from = job.progress?.fraction ?? 0;

  return new Promise((resolve, reject) => {
    let over = false;
    const end = () => {
      over = true;
      clearInterval(timer);
      unhear();
      node.replaceChildren();
    };
    const see = (now) => {
      if (over || now.id !== job.id) return;
      if (FINAL.has(now.status)) {
        end();
        node.hidden = true;
        if (now.status === "succeeded") resolve(now);
        else if (now.status === "cancelled") resolve(null);
        else reject(new Problem(now.problem ?? { title: t("job.failed") }, 500));
        return;
      }
      soFar.replaceChildren(...interim(now.progress.interim ?? [], named));
      const { fraction, message, objective } = now.progress;
      if (fraction > 0) bar.value = fraction;
      const spent = (performance.now() - began) / 1000;
      const gained = fraction - from;
      const left = gained > 0.02 ? (spent * (1 - fraction)) / gained : null;
      said.textContent = [
        now.status === "queued" ? t("job.queued") : `${percent(fraction)}`,
        step(message), objective === null ? "" : t("job.objective", { value: number(objective, 1) }),
        left === null ? "" : t("job.left", { left: duration(left) }),
      ].filter(Boolean).join(" · ");
    };
    cancel.addEventListener("click", async () => {
      cancel.disabled = true;
      try {
        see(await api(`/v1/jobs/${job.id}:cancel`, { method: "POST" }));
      } catch (error) {
        if (error.status !== 409) showProblem(said, error);
        cancel.disabled = false;
      }
    });
    // The stream tells at once; asking now and then finds what was missed while the server was away.
    const unhear = on("job", see);
    const timer = setInterval(async () => {
      try {
        see(await api(`/v1/jobs/${job.id}`));
      } catch (error) {
        if (error.status === 404) {
          end();
          reject(error);
        }
      }
    }, 1500);
    see(job);
  });
}

/** What the runs so far say of throughput; the intervals become narrower while one looks. */
function interim(rows, named) {
  const known = rows.filter((row) => row.low !== null && row.high !== null);
  const most = Math.max(...known.map((row) => Math.max(Math.abs(row.low), Math.abs(row.high))), 1e-9);
  const at = (value) => `${50 + (45 * value) / most}%`;
  const shown = (value) => number(3600 * value, 1);
  return known.map((row) => el("li", { "data-scenario": row.scenario_id },
    el("span", { class: "small" }, el("span", { class: "tag simulated", text: t("job.interim") }), " ", t("job.interim_row", { scenario: named(row.scenario_id),
      difference: shown(row.difference), low: shown(row.low), high: shown(row.high), n: number(row.replications) }), " ", verdictTag(row)),
    el("span", { class: "interval", "aria-hidden": "true" }, el("i", { class: "track" }), el("i", { class: "plan" }),
      el("i", { class: "span", style: { left: at(row.low), right: `calc(100% - ${at(row.high)})` } }),
      el("i", { class: "dot", style: { left: at(row.difference) } }))));
}

/** Keep what is in view in the address, so that a reload and a bookmark find it again. */
export function remember(key, value) {
  const url = new URL(location.href);
  url.searchParams.set(key, value);
  history.replaceState(null, "", url);
  localStorage.setItem(`last.${key}`, value);
}

/** The id in the address, or the one that was looked at last. */
export function recalled(key) {
  return new URLSearchParams(location.search).get(key) ?? localStorage.getItem(`last.${key}`);
}

