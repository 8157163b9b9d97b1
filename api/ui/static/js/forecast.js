// The forecast: a fan of the throughput, the risk of faults, and how good the model is.

import { $, api, clock, duration, el, number, page, percent, showProblem, site, start, t } from "./core.js";
import { follow, recalled, remember } from "./jobs.js";
import { back } from "./focus.js";
import { worded } from "./phrases.js";
import { draw } from "./charts.js";
import { showModel } from "./scores.js";

const form = $("#forecast-form");
let names = new Map();

async function ask(event) {
  event?.preventDefault();
  $("#form-problem").replaceChildren();
  $("#foretell").disabled = true;
  try {
    const job = await api("/v1/forecasts", { method: "POST", body: {
      line_id: site.line.id, horizon_s: 3600 * Number(form.elements.horizon.value) } });
    remember("forecast", job.subject_id);
    await watch(job);
  } catch (error) {
    showProblem($("#form-problem"), error, form);
  } finally {
    $("#foretell").disabled = false;
    back($("#foretell"));
  }
}

async function watch(job) {
  const done = await follow(job, $("#job"));
  if (done) await show((await api(`/v1/forecasts/${done.subject_id}`)).result);
}

async function show(result) {
  $("#forecast-empty").hidden = true;
  $("#forecast-result").hidden = false;
  $("#forecast-provenance").textContent = t("forecast.provenance", {
    as_of: clock(result.provenance.as_of, { day: true }), horizon: duration(result.horizon_s) });
  const down = (result.down ?? []).map((id) => names.get(id) ?? id);
  $("#forecast-message").textContent = down.length ? t("forecast.down", { stations: down.join(", ") }) : worded(result.message ?? "");
  showModel(result.model);
  $("#risks tbody").replaceChildren(...result.fault_risks.map((risk) => {
    const ratio = risk.naive_probability ? risk.probability / risk.naive_probability : null;
    return el("tr", { "data-station": risk.station },
      el("th", { scope: "row", text: names.get(risk.station) ?? risk.station }),
      el("td", { class: "num strong", text: percent(risk.probability, 1) }),
      el("td", { class: "num muted", text: percent(risk.naive_probability, 1) }),
      el("td", { class: "num muted", text: ratio ? `× ${number(ratio, 1)}` : "–" }),
      el("td", {}, el("a", { text: t("station.what_if"),
        "aria-label": t("station.what_if_aria", { station: names.get(risk.station) ?? risk.station }),
        href: `${page.whatif}?${new URLSearchParams({ line: site.line.id, station: risk.station })}` })));
  }));
  const ahead = result.fault_risks[0]?.horizon_s;
  $("#risk-horizon").textContent = ahead ? t("forecast.risk_horizon", { horizon: duration(ahead) }) : "";
  const called = result.fault_risks.map((risk) => ({ ...risk, station: names.get(risk.station) ?? risk.station }));
  const risky = result.fault_risks.length > 0;
  $("#risk-card").hidden = !risky;
  await Promise.all([draw($("#chart-fan"), "fan", result, t("forecast.fan_label")),
    risky ? draw($("#chart-risk"), "risk", { ...result, fault_risks: called }, t("forecast.risk_label")) : null]);
}

/** Show how the forecaster stands; resolves to true once it has learned while we watched. */
async function learned() {
  const found = await api(`/v1/lines/${encodeURIComponent(site.line.id)}/forecaster`);
  const place = $("#training");
  place.hidden = found.status === "ready";
  if (found.status === "ready") return false;
  $("p", place).textContent = worded(found.message) || t(`forecaster.${found.status}`);
  if (found.status !== "training") return false;
  if (!found.job_id) {
    await new Promise((done) => { setTimeout(done, 2000); });
    return learned();
  }
  await follow(await api(`/v1/jobs/${found.job_id}`), $("#training-job"));
  place.hidden = true;
  return true;
}

async function recall() {
  const id = recalled("forecast");
  const found = id ? await api(`/v1/forecasts/${id}`).catch(() => null) : null;
  if (found?.line_id === site.line.id && found.result) await show(found.result);
  else if (found && ["queued", "running"].includes(found.status)) await watch(await api(`/v1/jobs/${found.job_id}`));
  else await ask();
}

await start();
const model = await api(`/v1/lines/${encodeURIComponent(site.line.id)}/model`);
names = new Map(model.stations.map((item) => [item.id, item.name || item.id]));
form.addEventListener("submit", ask);
$("#foretell").disabled = false;
try {
  await Promise.all([recall(), learned().then((now) => (now ? ask() : null))]);
} catch (error) {
  showProblem($("#form-problem"), error);
}
