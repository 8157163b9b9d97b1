// Charts: Vega-Lite specifications made by the server, drawn here. The script comes from the server.

import { api, assetUrl, chartUrl, on, Problem, t } from "./core.js";

let library;
/** Load the drawing script, once. */
function vega() {
  library ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = assetUrl(document.body.dataset.vega);
    script.onload = () => done(window.vegaEmbed);
    script.onerror = () => failed(new Problem({ title: t("error.chart_script") }, 0));
    document.head.append(script);
  });
  return library;
}

function theme() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const text = { labelColor: colour("--muted"), titleColor: colour("--muted"), labelFontSize: 12,
    titleFontSize: 12, titleFontWeight: 500, labelFontWeight: 400 };
  return {
    background: "transparent",
    font: colour("--font"),
    view: { stroke: "transparent" },
    axis: { ...text, domainColor: colour("--rule-strong"), gridColor: colour("--rule"),
      tickColor: colour("--rule-strong") },
    legend: text,
    header: { labelColor: colour("--ink"), titleColor: colour("--muted"), labelFontSize: 12 },
    title: { color: colour("--ink") },
    text: { color: colour("--ink") },
  };
}

const drawn = new Map();

/** Draw a chart of some result inside a node; `label` says in words what it shows. */
export async function draw(node, kind, result, label) {
  const spec = await api(chartUrl(kind).replace(/^.*(?=\/ui\/)/, ""), { method: "POST", body: result });
  drawn.set(node, { spec, label });
  await render(node);
}

async function render(node) {
  const { spec, label } = drawn.get(node);
  const embed = await vega();
  const shown = structuredClone(spec);
  delete shown.config;
  const inner = document.createElement("div");
  inner.style.width = "100%";
  node.replaceChildren(inner);
  drawn.get(node).view?.finalize();
  const { view } = await embed(inner, shown, {
    // The interpreter needs no eval, so the page's content security policy can forbid it.
    ast: true, actions: false, renderer: "svg", defaultStyle: false, config: theme(),
    tooltip: { disableDefaultStyle: true, id: "vg-tooltip-element" },
    // Errors only: while a chart has no width yet, its scales are empty, which is no news.
    logLevel: 1,
  });
  drawn.get(node).view = view;
  const picture = node.querySelector("svg");
  picture?.setAttribute("role", "img");
  picture?.setAttribute("aria-label", label);
}

on("theme", () => { for (const node of drawn.keys()) render(node); });
