// Elements out of a name, attributes and children. Text is always text, never markup.

const svgNames = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.filter((c) => c !== undefined && c !== null && c !== false));
  return node;
}

export const html = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);
export const svg = (name, attributes, ...children) => fill(document.createElementNS(svgNames, name), attributes, children);
export const byId = (id) => document.getElementById(id);

// table writes rows under a head: columns are [title, cell of a row, is a number].
export function table(node, columns, rows) {
  const head = html("tr", {}, ...columns.map(([title, , n]) => html("th", { scope: "col", class: n ? "n" : "" }, title)));
  const body = rows.map((row) => html("tr", {}, ...columns.map(([, cell, n, kind]) =>
    html("td", { class: n ? "n" : kind ?? "" }, cell(row) ?? ""))));
  node.replaceChildren(html("thead", {}, head), html("tbody", {}, ...body));
}
