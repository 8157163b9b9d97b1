// What the API says in English, in the words of the page: the same rules as in words/phrases.py.

const given = document.getElementById("phrases");
const known = (given ? JSON.parse(given.textContent) : []).map(([pattern, words]) => [new RegExp(pattern), words]);

/** What the API said as the page says it; what is not known stays as it is. */
export function worded(text) {
  for (const [pattern, words] of known) {
    const found = pattern.exec(text);
    if (!found) continue;
    return words.replace(/\{(\d)\}/g, (_, at) => worded(found[Number(at) + 1]));
  }
  return text;
}
