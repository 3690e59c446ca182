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

/** Shows these rows, each a key and its cells, in the table of that name; in their order, unless the reader chose another. */
export function show(name, rows) {
  const table = document.querySelector(`#python-workers [data-table=${name}]`);
  const body = table.tBodies[0];
  const isSorted = table.tHead.querySelector("[class*=sorttable_sorted]") !== null;
  const old = new Map([...body.rows].map((row) => [row.dataset.key, row]));
  const shown = rows.map(([key, cells]) => {
    const row = old.get(key) || body.insertRow();
    old.delete(key);
    row.dataset.key = key;
    cells.forEach((wanted, i) => fill(row.cells[i] || row.insertCell(), wanted));
    return row;
  });
  old.forEach((row) => row.remove());
  if (!isSorted) {
    arrange(body, shown);
  }
}

/** Moves only those that are not in their place: moving a row takes the reader's selection from it. */
function arrange(body, rows) {
  rows.forEach((row, i) => {
    if (body.rows[i] !== row) {
      body.insertBefore(row, body.rows[i]);
    }
  });
}
