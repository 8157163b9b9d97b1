// The scenarios that are kept: what each changes, open, clone, delete, choose some to compare.

import { $, api, clock, el, number, page, showProblem, site, start, t } from "./core.js";
import { sayScenario } from "./changes.js";
import { redraw } from "./focus.js";

const MOST = 6;
const chosen = new Set();
let model;

const link = (path, query) => `${path}?${new URLSearchParams({ line: site.line.id, ...query })}`;

/** Show or hide what can be done with the scenarios that are ticked. */
function showChoice() {
  $("#compare").disabled = chosen.size < 1 || chosen.size > MOST;
  $("#chosen").textContent = t("scenarios.chosen", { n: number(chosen.size), most: number(MOST) });
}

function tick(item) {
  return el("input", { type: "checkbox", checked: chosen.has(item.id),
    "aria-label": t("scenarios.choose", { name: item.name }), onchange: (event) => {
      if (event.target.checked) chosen.add(item.id);
      else chosen.delete(item.id);
      showChoice();
    } });
}

async function attempt(work) {
  $("#form-problem").replaceChildren();
  try {
    await work();
    await show();
  } catch (error) {
    showProblem($("#form-problem"), error);
  }
}

function clone(item) {
  const { line_id, description, changes, faults, events } = item;
  const name = t("scenarios.copy_of", { name: item.name }).slice(0, 120);
  return api("/v1/scenarios", { method: "POST", body: { line_id, name, description, changes, faults, events } });
}

function row(item) {
  return el("tr", { "data-scenario": item.id },
    el("td", {}, tick(item)),
    el("th", { scope: "row" }, el("a", { href: link(page.whatif, { scenario: item.id }), text: item.name })),
    el("td", { text: sayScenario(item, model) }),
    el("td", { class: "num muted", text: clock(item.updated_at, { seconds: false, day: true }) }),
    el("td", { class: "row-actions" },
      el("button", { type: "button", class: "quiet", text: t("scenarios.clone"),
        "aria-label": t("scenarios.clone_aria", { name: item.name }),
        onclick: () => attempt(() => clone(item)) }),
      el("button", { type: "button", class: "quiet", text: t("scenarios.delete"),
        "aria-label": t("scenarios.delete_aria", { name: item.name }),
        onclick: () => remove(item) })));
}

/** Delete after a second press: nothing that was made is lost by one slip. */
function remove(item) {
  const button = $(`tr[data-scenario="${CSS.escape(item.id)}"] button:last-child`);
  if (!button.dataset.sure) {
    button.dataset.sure = "yes";
    button.textContent = t("scenarios.delete_sure");
    button.focus();
    button.addEventListener("blur", () => {
      delete button.dataset.sure;
      button.textContent = t("scenarios.delete");
    }, { once: true });
    return;
  }
  attempt(async () => {
    await api(`/v1/scenarios/${item.id}`, { method: "DELETE", version: item.version });
    chosen.delete(item.id);
  });
}

async function show() {
  const found = await api(`/v1/scenarios?${new URLSearchParams({ line_id: site.line.id, limit: 1000 })}`);
  const newest = [...found.items].sort((a, b) => (a.updated_at < b.updated_at ? 1 : -1));
  redraw($("#scenarios tbody"), "scenario", newest.map(row));
  $("#scenarios-card").hidden = !newest.length;
  $("#empty").hidden = newest.length > 0;
  showChoice();
}

await start();
model = await api(`/v1/lines/${encodeURIComponent(site.line.id)}/model`);
$("#compare").addEventListener("click", () => {
  location.assign(link(page.compare, { scenarios: [...chosen].join(",") }));
});
$("#new").href = link(page.whatif, { fresh: 1 });
await show();
