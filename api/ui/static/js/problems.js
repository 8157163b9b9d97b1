// What went wrong: a message by the field that it is about, in the language of the page, else a list.

import { $, el, t } from "./core.js";
import { worded } from "./phrases.js";

const said = ({ message, expected, remedy }) => [worded(message),
  expected && t("error.expected", { what: worded(expected) }), worded(remedy)].filter(Boolean).join(" – ");

/** Show a problem inside a node; findings stand by their fields in `form`, which name them by data-path. */
export function showProblem(node, error, form = null) {
  const { errors: found = [], detail = "", title } = error.document ?? {};
  clearMarks(form);
  const left = found.filter((item) => !placed(form, item));
  const wrong = form && $("[aria-invalid=true]", form);
  if (wrong) wrong.focus();
  // A detail that only repeats the first finding gives way to the kind of the problem.
  const head = found.length && detail.startsWith(`${found[0].path}: `) ? worded(title) : error.message;
  node.replaceChildren(el("div", { class: "error", role: "alert" },
    el("p", { class: "strong", text: head }),
    left.length ? el("ul", {}, left.map((item) => el("li", {},
      item.path ? [el("span", { class: "strong", text: item.path }), " – "] : null, said(item)))) : null));
}

/** Put a finding by its field; false where the form has no such field. */
function placed(form, item) {
  const fields = [...(form?.querySelectorAll("[data-path]") ?? [])];
  const of = (field) => field.dataset.path.split(" ").some((path) => item.path === path || item.path.startsWith(`${path}.`));
  const field = fields.find(of);
  if (field) mark(field, said(item));
  return Boolean(field);
}

/**
 * Put a message by a field, or at the end of a group of fields, until it is changed. It describes the
 * field and is no part of its label's name.
 */
function mark(field, text) {
  const group = field.matches("input, select, textarea") ? null : field;
  const id = `wrong-${mark.count = (mark.count ?? 0) + 1}`;
  const message = el("span", { class: "field-error", id, "aria-hidden": "true", text });
  if (group) group.append(message);
  else field.after(message);
  const input = group ? $(".fields input, .fields select", group) ?? $("input, select", group) : field;
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", id);
  (group ?? field).addEventListener("input", () => unmark(input, message), { once: true });
}

function unmark(input, message) {
  message.remove();
  input.removeAttribute("aria-invalid");
  input.removeAttribute("aria-describedby");
}

function clearMarks(form) {
  for (const input of form?.querySelectorAll("[aria-invalid]") ?? []) {
    unmark(input, document.getElementById(input.getAttribute("aria-describedby")));
  }
}

/** What is wrong with a field, as the browser finds it, and what would do. */
function amiss({ validity, type, min, max }) {
  if (validity.badInput || validity.stepMismatch) return t("field.wrong.number");
  if (validity.rangeUnderflow || validity.rangeOverflow) return t(max === "" ? "field.wrong.least" : "field.wrong.range", { min, max });
  if (validity.typeMismatch) return t("field.wrong.address");
  return t(type === "file" ? "field.wrong.file" : "field.wrong.missing");
}

// The browser would say it in its own language, in a bubble that is gone with the next key.
document.addEventListener("invalid", (event) => {
  event.preventDefault();
  const field = event.target;
  const first = $("input:invalid, select:invalid", field.form);
  if (field === first) clearMarks(field.form);
  mark(field, amiss(field));
  if (field === first) field.focus();
}, true);
