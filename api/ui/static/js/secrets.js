// Keys and webhooks: made here, shown once, and taken back.

import { $, api, clock, el, showProblem, t } from "./core.js";
import { redraw } from "./focus.js";

/** A secret that is shown this once. */
function shownOnce(place, words, secret) {
  place.replaceChildren(el("div", { class: "notice", role: "status" }, el("p", { text: words }),
    el("p", {}, el("code", { class: "secret", tabindex: "0", text: secret }))));
}

/** A button that asks once more before it does something that cannot be undone. */
export function sureButton(kind, label, act) {
  const button = el("button", { type: "button", class: "quiet", text: t(`${kind}.ask`), "aria-label": label });
  button.addEventListener("click", () => {
    if (button.dataset.sure) { act(button); return; }
    button.dataset.sure = "1";
    button.textContent = t(`${kind}.sure`);
    button.removeAttribute("aria-label");
    button.addEventListener("blur", () => {
      delete button.dataset.sure;
      button.textContent = t(`${kind}.ask`);
      button.setAttribute("aria-label", label);
    }, { once: true });
  });
  return button;
}

async function done(work, problem, form = null) {
  problem.replaceChildren();
  try {
    await work();
  } catch (error) {
    showProblem(problem, error, form);
  }
}

export async function showKeys() {
  const found = await api("/v1/keys");
  const problem = $("#key-problem");
  $("#keys").hidden = !found.items.length;
  $("#no-keys").hidden = found.items.length > 0;
  redraw($("#keys tbody"), "key", found.items.map((key) => el("tr", { "data-key": key.id },
    el("th", { scope: "row", text: key.name }), el("td", { text: t(`scope.${key.scope}`) }),
    el("td", { text: clock(key.created_at, { day: true }) }), el("td", { class: "muted", text: key.id }),
    el("td", {}, sureButton("revoke", t("revoke.aria", { name: key.name }), () => done(async () => {
      await api(`/v1/keys/${key.id}`, { method: "DELETE" });
      await showKeys();
    }, problem))))));
}

/** Wire the forms; `again` shows the webhooks anew. */
export function wireSecrets(again) {
  const keys = $("#key-form");
  keys.addEventListener("submit", (event) => {
    event.preventDefault();
    done(async () => {
      const body = { name: keys.elements.name.value.trim(), scope: keys.elements.scope.value };
      // A key is not kept, so it cannot be told twice: the request goes without a key of its own.
      const made = await api("/v1/keys", { method: "POST", body, once: false });
      shownOnce($("#key-made"), t("key.once", { name: made.name }), made.key);
      keys.reset();
      await showKeys();
    }, $("#key-problem"), keys);
  });
  const hooks = $("#hook-form");
  hooks.addEventListener("submit", (event) => {
    event.preventDefault();
    done(async () => {
      const events = [...hooks.querySelectorAll("[name=events]:checked")].map((box) => box.value);
      const made = await api("/v1/webhooks", { method: "POST", body: {
        url: hooks.elements.url.value.trim(), events, description: hooks.elements.note.value.trim() } });
      shownOnce($("#hook-made"), t("hook.once", { url: made.url }), made.secret);
      hooks.reset();
      await again();
    }, $("#hook-problem"), hooks);
  });
}
