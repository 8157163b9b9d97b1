// A report on paper: the server makes a PDF of what is shown, the browser keeps it.

import { $, assetUrl, Problem, showProblem, site, t } from "./core.js";

/** Make the button #report ask for a report of some kind; `given` returns what is in it. */
export function wireReport(kind, name, given) {
  const button = $("#report");
  button.addEventListener("click", async () => {
    button.disabled = true;
    button.textContent = t("report.wait");
    try {
      const query = new URLSearchParams({ lang: document.documentElement.lang, name: site.line.name ?? "" });
      const answer = await fetch(assetUrl(`/ui/reports/${kind}?${query}`), { method: "POST",
        headers: { "Content-Type": "application/json" }, body: JSON.stringify(await given()) });
      if (!answer.ok) throw new Problem(await answer.json(), answer.status);
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await answer.blob());
      link.download = `${name}.pdf`;
      link.click();
      URL.revokeObjectURL(link.href);
    } catch (error) {
      showProblem($("#page-problem"), error);
    } finally {
      button.disabled = false;
      button.textContent = t("report.pdf");
    }
  });
}
