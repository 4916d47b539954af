// The map: our ports on the left, peers with their addresses on the right, paths between.

import { html, svg } from "./dom.js";
import { bits, millis, plural } from "./format.js";
import { glyphs, homeOf, peers, words } from "./model.js";

const most = { peers: 8, rows: 6 };
const gap = 14;
const rowHeight = 22;

// draw puts the map of a state into node. before has chunks sent by each line when it was
// drawn last, and gets those of now: what moves is shown.
export function draw(node, state, rates, before) {
  const all = peers(state.assocs ?? []);
  const ports = state.ports ?? [];
  if (ports.length === 0) {
    node.replaceChildren(html("p", { class: "empty" }, "There are no ports."));
    return;
  }
  const shown = all.slice(0, most.peers);
  const width = Math.max(300, node.clientWidth);
  const side = width < 560 ? Math.floor(width * 0.4) : 300;
  const left = place(ports, 0, () => 64);
  const right = place(shown, 0, (g) => 34 + rowHeight * Math.min(g.rows.length, most.rows + 1));
  const rest = all.length - shown.length;
  const height = Math.max(left.height, right.height + (rest > 0 ? 28 : 0), 64);
  left.shift((height - left.height) / 2);
  right.shift(rest > 0 ? 0 : (height - right.height) / 2);
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": "Map of ports, paths and peers" });
  const anchors = new Map(left.boxes.map((b) => [b.item.name, b]));
  const lines = svg("g", {});
  picture.append(lines);
  for (const b of left.boxes) picture.append(portBox(b, side, rates.get(b.item.name)));
  for (const b of right.boxes) {
    picture.append(peerBox(b, width - side, side));
    b.item.rows.slice(0, most.rows).forEach((row, i) => {
      const end = { x: width - side, y: b.y + 34 + rowHeight * i + rowHeight / 2 - 2 };
      for (const line of row.lines) {
        const port = anchors.get(line.port || homeOf(row.dst, ports)?.name); // while its link is down no port has it
        connect(lines, port, end, side, line, `${b.item.key} ${row.dst}`, before);
      }
    });
  }
  if (rest > 0) {
    picture.append(svg("text", { class: "small", x: width - side, y: height - 8 }, `and ${plural(rest, "more peer")}, none worse than these`));
  }
  if (all.length === 0) {
    picture.append(svg("text", { class: "small", x: width - side, y: height / 2 + 4 }, "No associations."));
  }
  node.replaceChildren(picture);
}

// place stacks boxes of the items' heights.
function place(items, top, heightOf) {
  let y = top;
  const boxes = items.map((item) => {
    const box = { item, y, height: heightOf(item) };
    y += box.height + gap;
    return box;
  });
  const height = Math.max(0, y - top - gap);
  return { boxes, height, shift: (by) => boxes.forEach((b) => { b.y += by; }) };
}

function portBox(b, side, rate) {
  const p = b.item;
  const wide = side >= 250;
  const link = p.up ? (p.speed_mbps > 0 && wide ? `up, ${bits(p.speed_mbps * 1e6)}` : "up") : "no link";
  return svg("g", {},
    svg("title", {}, `Port ${p.name}, ${p.driver}, ${p.mac}, MTU ${p.mtu}: ${link}. ${p.addrs.join(", ")}`),
    svg("rect", { class: `box ${p.up ? "" : "down"}`, x: 0.5, y: b.y + 0.5, width: side - 1, height: b.height - 1, rx: 9 }),
    svg("text", { x: 14, y: b.y + 22 }, svg("tspan", { class: "strong" }, p.name),
      svg("tspan", { class: `glyph ${p.up ? "ACTIVE" : "INACTIVE"}`, dx: 10 }, p.up ? "●" : "✕"), svg("tspan", { class: "small", dx: 5 }, link)),
    fit(svg("text", { class: "small", x: 14, y: b.y + 39 }, p.addrs.join("  ")), side - 28),
    rate && svg("text", { class: "small num", x: 14, y: b.y + 55 }, wide ? `↓ ${bits(rate.rx_bits)}   ↑ ${bits(rate.tx_bits)}` : bits(rate.rx_bits + rate.tx_bits)));
}

// fit cuts a text that is too long for its box; its title has all of it.
function fit(text, width) {
  text.textContent = cut(text.textContent, width);
  return text;
}

function cut(words, width) {
  const most = Math.floor(width / 6.6);
  return words.length > most ? `${words.slice(0, most - 1)}…` : words;
}

function peerBox(b, x, side) {
  const g = b.item;
  const states = [...g.states].map((s) => (s === "ESTABLISHED" ? "" : s.toLowerCase())).filter((s) => s !== "").join(", ");
  const count = g.count > 1 ? `× ${g.count.toLocaleString("en")}` : "";
  const ours = side < 250 ? "" : `our port ${[...g.local].slice(0, 3).join(", ")}${g.local.size > 3 ? " …" : ""}`;
  const note = [count, states, ours].filter((t) => t !== "").join(" · ");
  const group = svg("g", {},
    svg("rect", { class: "box", x: x + 0.5, y: b.y + 0.5, width: side - 1, height: b.height - 1, rx: 9 }),
    svg("text", { x: x + 14, y: b.y + 21 }, svg("tspan", { class: "strong" }, `port ${g.port}`),
      svg("tspan", { class: "small", dx: 9 }, cut(note, side - 48 - 8 * `port ${g.port}`.length))),
    svg("title", {}, `Peers at port ${g.port}: ${plural(g.count, "association")}. ${note}`));
  g.rows.slice(0, most.rows).forEach((row, i) => group.append(addressRow(row, x, b.y + 34 + rowHeight * i + 13, side)));
  if (g.rows.length > most.rows) {
    group.append(svg("text", { class: "small", x: x + 14, y: b.y + 34 + rowHeight * most.rows + 13 }, `and ${plural(g.rows.length - most.rows, "more address", "more addresses")}`));
  }
  return group;
}

function addressRow(row, x, y, side) {
  const share = row.paths > 1 && row.in[row.state] < row.paths ? `${row.in[row.state]} of ${row.paths} ` : "";
  const note = row.state !== "ACTIVE" ? `${share}${words[row.state]}` : row.srtt > 0 ? millis(row.srtt) : "";
  const dst = side < 250 && row.dst.length > 15 ? `${row.dst.slice(0, 14)}…` : row.dst;
  return svg("g", {},
    svg("title", {}, `${row.dst}: ${share}${words[row.state]}${row.primary ? ", primary" : ""}${row.srtt > 0 ? `, round trip ${millis(row.srtt)}` : ""}`),
    svg("text", { class: `glyph ${row.state}`, x: x + 13, y }, glyphs[row.state]),
    svg("text", { x: x + 32, y }, dst, row.primary && svg("tspan", { class: "star", dx: 6 }, "★")),
    side >= 250 && svg("text", { class: `small num word ${row.state === "ACTIVE" ? "" : row.state}`, x: x + side - 14, y, "text-anchor": "end" }, note));
}

function connect(lines, port, end, side, line, key, before) {
  const name = `${key} ${line.port}`;
  const moved = line.chunks - (before.get(name) ?? line.chunks);
  before.set(name, line.chunks);
  const kind = `path ${line.state} ${line.current ? "current" : ""}`;
  if (!port) { // no port has it
    lines.append(svg("path", { class: kind, d: `M${end.x - 40} ${end.y}H${end.x}` }, svg("title", {}, "no port has a route")), cross(end.x - 44, end.y));
    return;
  }
  const from = { x: side, y: port.y + port.height / 2 };
  const bend = (end.x - from.x) * 0.5;
  const d = `M${from.x} ${from.y}C${from.x + bend} ${from.y} ${end.x - bend} ${end.y} ${end.x} ${end.y}`;
  lines.append(svg("path", { class: kind, d, "data-port": port.item.name }, svg("title", {}, `by ${port.item.name}: ${words[line.state]}${line.current ? ", data goes here" : ""}`)));
  if (line.current && moved > 0) lines.append(svg("path", { class: "flow", d }));
  if (line.state === "INACTIVE") lines.append(cross((from.x + end.x) / 2, (from.y + end.y) / 2));
}

function cross(x, y) {
  return svg("g", {}, svg("circle", { class: "cross-ground", cx: x, cy: y, r: 9 }),
    svg("path", { class: "cross", d: `M${x - 4} ${y - 4}l8 8m0 -8l-8 8` }));
}
