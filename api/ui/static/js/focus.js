// Who works by keyboard stays where they are when a table is drawn anew.

const stops = (node) => [...node.querySelectorAll("a[href], button:not(:disabled), input, select")];

/** Draw the rows of a table anew, each with its `data-key`; the focus stays in its row, else in the table. */
export function redraw(node, key, rows) {
  const held = document.activeElement;
  const row = node.contains(held) ? held.closest(`[data-${key}]`) : null;
  const at = row ? stops(row).indexOf(held) : -1;
  node.replaceChildren(...rows);
  if (!row) return;
  const again = node.querySelector(`[data-${key}="${CSS.escape(row.dataset[key])}"]`);
  const there = again ? stops(again) : [];
  (there[at] ?? there[0] ?? stops(node)[0])?.focus();
}

/** Give the focus back to a button that lost it by being switched off while it was at work. */
export function back(button) {
  if (document.activeElement === document.body) button.focus({ preventScroll: true });
}
