// Everything as a file, and workbooks back in.

import { back } from "./focus.js";
import { wireFile } from "./file.js";
import { $, api, assetUrl, clock, el, number, page, showProblem, site, start, t } from "./core.js";

const RUN_KINDS = ["csv", "xlsx", "parquet", "json"];
const form = $("#import-form");

function showLinks() {
  const window_s = 3600 * Number($("#window-form").elements.hours.value);
  for (const link of document.querySelectorAll("#files a")) {
    const { subject } = link.closest("tr").dataset;
    const query = new URLSearchParams({ format: link.dataset.kind, window_s, lang: document.documentElement.lang });
    link.href = assetUrl(`/v1/lines/${encodeURIComponent(site.line.id)}/exports/${subject}?${query}`);
  }
}

async function showRuns() {
  const query = new URLSearchParams({ line_id: site.line.id, limit: 100 });
  const [runs, scenarios] = await Promise.all([api(`/v1/runs?${query}`), api(`/v1/scenarios?${query}`)]);
  const names = new Map(scenarios.items.map((item) => [item.id, item.name]));
  const done = runs.items.filter((run) => run.status === "succeeded").slice(0, 12);
  $("#no-runs").hidden = done.length > 0;
  $("#results tbody").replaceChildren(...done.map((run) => {
    const name = run.scenario_ids.map((id) => names.get(id) ?? id).join(", ");
    return el("tr", { "data-run": run.id }, el("th", { scope: "row" }, name,
      el("div", { class: "muted small", text: clock(run.created_at, { seconds: false, day: true }) })),
    el("td", {}, el("div", { class: "kinds" }, RUN_KINDS.map((kind) => el("a", { class: "button", download: true, text: kind,
      href: assetUrl(`/v1/runs/${run.id}/export?format=${kind}`), "aria-label": t("data.as", { what: name, kind }) })))));
  }));
}

async function send(event) {
  event.preventDefault();
  $("#form-problem").replaceChildren();
  $("#imported").replaceChildren();
  $("button", form).disabled = true;
  try {
    const made = await api(`/v1/lines/${encodeURIComponent(site.line.id)}/scenario-workbook`,
      { method: "POST", file: form.elements.file.files[0] });
    $("#imported").replaceChildren(el("p", { class: "strong", text: t("data.imported", { n: number(made.items.length) }) }),
      el("ul", {}, made.items.map((item) => el("li", {}, el("a", { text: item.name,
        href: `${page.whatif}?${new URLSearchParams({ line: site.line.id, scenario: item.id })}` })))));
    form.reset();
  } catch (error) {
    showProblem($("#form-problem"), error);
  } finally {
    $("button", form).disabled = false;
    back($("button", form));
  }
}

await start();
showLinks();
$("#window-form").addEventListener("change", showLinks);
wireFile(form);
form.addEventListener("submit", send);
await showRuns().catch((error) => showProblem($("#page-problem"), error));
