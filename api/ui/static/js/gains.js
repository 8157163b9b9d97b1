// What a little of each thing would bring: tried in the twin, shown as a tornado and as figures.

import { $, api, clock, duration, el, number, showProblem, site, t } from "./core.js";
import { back } from "./focus.js";
import { follow, recalled, remember } from "./jobs.js";
import { draw } from "./charts.js";

const form = $("#gain-form");
const SHOWN = 15;

const named = (gain, called) => t("gain.named", { kind: t(`gain.${gain.kind}`), element: called(gain.element) });

function tag(effect) {
  const level = { better: "good", worse: "bad" }[effect] ?? "";
  return el("span", { class: `tag ${level}`, text: t(level ? `verdict.${effect}` : "chart.not told") });
}

async function show(result, called) {
  $("#gain-result").hidden = false;
  const best = result.gains.find((gain) => gain.effect === "better");
  $("#gain-verdict").textContent = best
    ? t("gain.says", { what: named(best, called), unit: best.unit, gain: number(best.gain_per_h, 2),
      low: number(best.low_per_h, 2), high: number(best.high_per_h, 2) })
    : t("gain.none");
  $("#gain-provenance").textContent = t("gain.provenance", {
    as_of: clock(result.provenance.as_of, { day: true }), length: duration(result.horizon_s),
    n: number(result.replications), level: number(100 * result.level) });
  const gains = result.gains.slice(0, SHOWN);
  $("#gains tbody").replaceChildren(...gains.map((gain) => el("tr", { "data-gain": `${gain.kind} ${gain.element}` },
    el("th", { scope: "row", text: named(gain, called) }), el("td", { text: gain.unit }),
    el("td", { class: "num strong", text: number(gain.gain_per_h, 2) }),
    el("td", { class: "num", text: `${number(gain.low_per_h, 2)} … ${number(gain.high_per_h, 2)}` }),
    el("td", {}, tag(gain.effect)))));
  const drawn = gains.filter((gain) => gain.gain_per_h !== null)
    .map((gain) => ({ ...gain, element: called(gain.element) }));
  await draw($("#chart-gains"), "gains", { ...result, gains: drawn }, t("gain.chart"));
}

/** Wire the form; `called` gives the name of a station by its id. */
export async function wireGains(called) {
  const watch = async (job) => {
    const done = await follow(job, $("#gain-job"));
    if (done) await show((await api(`/v1/sensitivities/${done.subject_id}`)).result, called);
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    $("#gain-problem").replaceChildren();
    $("#gain-ask").disabled = true;
    try {
      const job = await api("/v1/sensitivities", { method: "POST", body: { line_id: site.line.id,
        horizon_s: 3600 * Number(form.elements.horizon.value), replications: Number(form.elements.runs.value) } });
      remember("gains", job.subject_id);
      await watch(job);
    } catch (error) {
      showProblem($("#gain-problem"), error, form);
    } finally {
      $("#gain-ask").disabled = false;
      back($("#gain-ask"));
    }
  });
  const id = recalled("gains");
  if (!id) return;
  try {
    const found = await api(`/v1/sensitivities/${id}`);
    if (found.line_id !== site.line.id) return;
    if (found.result) await show(found.result, called);
    else if (["queued", "running"].includes(found.status)) await watch(await api(`/v1/jobs/${found.job_id}`));
  } catch (error) {
    if (error.status === 404) localStorage.removeItem("last.gains");
    else showProblem($("#gain-problem"), error);
  }
}
