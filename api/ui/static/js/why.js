// Why an order of a plan is done when it is, and what would help it.

import { $, api, clock, duration, el, showProblem, t } from "./core.js";

const card = $("#why");

/** An operation or a station as people call it, by `order/operation` or id. */
export function named(id, called) {
  const [order, operation] = id.split("/");
  return operation ? `${order} ${operation.replaceAll("_", " ")}` : called(id);
}

function holdText(hold, called) {
  const what = named(`${hold.order}/${hold.operation}`, called);
  const by = named(hold.held_by, called);
  return t(`hold.${hold.kind}`, { what, by, until: clock(hold.until, { seconds: false, day: true }) });
}

function helps(change, called) {
  const what = t(`relax.${change.kind}`, { element: called(change.element), amount: duration(change.amount_s),
    at: clock(change.at, { seconds: false, day: true }) });
  return el("li", { "data-kind": change.kind }, el("span", { text: what }), " ",
    el("span", { class: `tag ${change.on_time ? "good" : "warn"}`,
      text: change.on_time ? t("relax.on_time") : t("relax.still", { late: duration(change.tardiness_s) }) }),
    change.others_later_s > 0 ? el("span", { class: "muted small",
      text: ` ${t("relax.others", { later: duration(change.others_later_s) })}` }) : null);
}

let asked = 0;
/** Ask about an order and show the answer; `called` gives the name of a station by its id. */
export async function explain(schedule, order, called) {
  const mine = asked += 1;
  card.hidden = false;
  $("#why-head").textContent = t("why.title", { order });
  $("#why-answer").replaceChildren(el("p", { class: "muted", role: "status", text: t("why.asking") }));
  card.scrollIntoView({ block: "nearest" });
  try {
    const found = await api(`/v1/schedules/${schedule}:explain`, { method: "POST", body: { order } });
    if (mine !== asked) return;
    const late = found.tardiness_s > 0;
    // What is worked on stands between what is waited for; the causes alone are told.
    const chain = found.chain.filter((hold) => hold.kind !== "work");
    $("#why-answer").replaceChildren(
      el("p", { class: "verdict", role: "status", text: late
        ? t("why.late", { order, late: duration(found.tardiness_s) }) : t("why.in_time", { order }) }),
      el("div", { class: "columns" },
        el("div", {}, el("h3", { text: t("why.chain") }),
          el("ol", { class: "chain" }, chain.map((hold) => el("li", { "data-kind": hold.kind, text: holdText(hold, called) })))),
        late ? el("div", {}, el("h3", { text: t("why.help") }), found.relaxations.length
          ? el("ul", { class: "chain" }, found.relaxations.map((change) => helps(change, called)))
          : el("p", { class: "muted", text: t("why.nothing") })) : null));
  } catch (error) {
    if (mine === asked) showProblem($("#why-answer"), error);
  }
}

/** Take the answer away: the plan it was about is another one now. */
export function forget() {
  asked += 1;
  card.hidden = true;
}
