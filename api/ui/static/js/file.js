// A field for a file that speaks the language of the page; a file may be dropped on it, too.

import { $ } from "./core.js";

/** Have the label of a form's file say which one was chosen. */
export function wireFile(form) {
  const label = $("label.file", form);
  const input = $("input", label);
  const name = $("[data-none]", label);
  const show = () => { name.textContent = input.files[0]?.name ?? name.dataset.none; };
  input.addEventListener("change", show);
  form.addEventListener("reset", () => setTimeout(show));
  label.addEventListener("dragover", (event) => event.preventDefault());
  label.addEventListener("drop", (event) => {
    event.preventDefault();
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    show();
  });
  show(); // a page that is gone back to has its file still
}
