// A forecaster: what it is, and how it did against a naive one.

import { $, clock, el, number, percent, t } from "./core.js";
import { worded } from "./phrases.js";

/** Show a model in the list #model and the table #scores. */
export function showModel(model, more = []) {
  $("#model").replaceChildren(
    el("div", {}, el("dt", { text: t("model.id") }), el("dd", { title: model.id, text: model.id.slice(0, 17) })),
    el("div", {}, el("dt", { text: t("model.trained") }), el("dd", {}, clock(model.trained_at, { day: true }),
      model.trained_on ? el("small", { text: ` ${worded(model.trained_on)}` }) : null)), ...more);
  $("#scores tbody").replaceChildren(...model.scores.map((score) => el("tr", {},
    el("th", { scope: "row", text: `${known("target", score.target)}: ${known("metric", score.metric)}` }),
    el("td", { class: "num" }, el("span", { text: number(score.model, 3) }), score.low === null ? null
      : el("span", { class: "half", text: ` (${number(score.low, 3)}–${number(score.high, 3)})` })),
    el("td", { class: "num", title: worded(score.naive_name), text: number(score.naive, 3) }),
    el("td", {}, against(score)),
    el("td", { class: "num muted", text: number(score.n) }))));
}

/** Whether the model beats the naive forecast, in a word. */
function against({ model, naive, skill, higher_is_better: up }) {
  if (up === null) return el("span", { class: "muted small", text: t("score.nominal") });
  const better = up ? model > naive : model < naive;
  const text = skill === null ? t(better ? "score.better_word" : "score.worse_word")
    : t(better ? "score.better" : "score.worse", { skill: percent(Math.abs(skill)) });
  return el("span", { class: `tag ${better ? "good" : "bad"}`, text });
}

function known(group, key) {
  const found = t(`${group}.${key}`);
  return found === `${group}.${key}` ? key.replaceAll("_", " ") : found;
}
