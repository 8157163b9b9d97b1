// From a spreadsheet to the first what-if: take the workbook, bring it in, ask.

import { $, api, page, showProblem, t } from "./core.js";
import { wireFile } from "./file.js";

const form = $("#line-form");

async function bring(file) {
  const buttons = document.querySelectorAll("#line-form button");
  $("#form-problem").replaceChildren();
  for (const button of buttons) button.disabled = true;
  try {
    showLine(await api("/v1/lines", { method: "POST", file }));
  } catch (error) {
    showProblem($("#form-problem"), error);
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

function showLine(line) {
  const query = new URLSearchParams({ line: line.id });
  $("#done").textContent = t("tour.done", { name: line.name || line.id, n: line.stations });
  $("#go-whatif").href = `${page.whatif}?${query}`;
  $("#go-line").href = `${page.live}?${query}`;
  $("#next").hidden = false;
  $("#go-whatif").focus();
}

wireFile(form);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  bring(form.elements.file.files[0]);
});
$("#example").addEventListener("click", async () => {
  const answer = await fetch($("#template").href);
  await bring(await answer.blob());
});
