// Text in drawings, which do not wrap it: broken between words to the width there is.

const pen = document.createElement("canvas").getContext("2d");
const words = new Intl.Segmenter(document.documentElement.lang, { granularity: "word" });
const letters = new Intl.Segmenter(document.documentElement.lang, { granularity: "grapheme" });

/** The lines of a text in a font such as "660 13px sans-serif"; what finds no room ends in an ellipsis. */
export function lines(text, width, most, font) {
  pen.font = font;
  const fits = (line) => pen.measureText(line).width <= width;
  const found = [""];
  // Thai has no blanks between words; a word that is wider than a line is broken anywhere.
  const pieces = [...words.segment(text)].flatMap(({ segment }) =>
    (fits(segment) ? [segment] : [...letters.segment(segment)].map((letter) => letter.segment)));
  for (const piece of pieces) {
    if (fits(found.at(-1) + piece)) found[found.length - 1] += piece;
    else found.push(piece.trimStart());
  }
  const shown = found.slice(0, most).map((line) => line.trim());
  if (found.length > most) {
    let last = [...letters.segment(shown.at(-1))].map((letter) => letter.segment);
    while (last.length && !fits(`${last.join("")}…`)) last = last.slice(0, -1);
    shown[shown.length - 1] = `${last.join("").trimEnd()}…`;
  }
  return shown;
}
