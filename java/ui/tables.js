// Tables that change in place, so that an order that the reader has chosen, and what is selected, stay as they are.
// What comes from executors is set as text, never as HTML.

/** A cell: its text, and what may go with it: `sort` (what Spark's sorttable goes by), `kind` (a class), `node`, `title`. */
export const cell = (text, more = {}) => ({ text: String(text), ...more });

export const number = (text, sort) => cell(text, { sort, kind: "number" });

function fill(td, wanted) {
  td.className = wanted.kind || "";
  td.title = wanted.title || "";
  if (wanted.sort !== undefined) {
    td.setAttribute("sorttable_customkey", wanted.sort);
  }
  if (wanted.node) {
    td.replaceChildren(wanted.node);
  } else if (td.textContent !== wanted.text) {
    td.textContent = wanted.text;
  }
}

/** Shows these rows, each a key and its cells, in the table of that name. */
export function show(name, rows) {
  const body = document.querySelector(`#python-workers [data-table=${name}]`).tBodies[0];
  const old = new Map([...body.rows].map((row) => [row.dataset.key, row]));
  for (const [key, cells] of rows) {
    const row = old.get(key) || body.insertRow();
    old.delete(key);
    row.dataset.key = key;
    cells.forEach((wanted, i) => fill(row.cells[i] || row.insertCell(), wanted));
  }
  old.forEach((row) => row.remove());
}
