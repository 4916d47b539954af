// Plots over time: bits of each port with failovers, strips of states, small rates.

import { html, svg } from "./dom.js";
import { bits, clock, short } from "./format.js";
import { pathStrips, portStrips, sentence } from "./model.js";

const span = 600e3; // ms
const colours = 6;
const labels = { wide: 118, narrow: 84 }; // px beside plots
const labelIn = (total) => (total < 560 ? labels.narrow : labels.wide);

// scaleOf is a round number at or above the largest value.
function scaleOf(values) {
  const top = values.reduce((a, b) => Math.max(a, b), 1);
  const power = 10 ** Math.floor(Math.log10(top));
  return [1, 2, 5, 10].map((m) => m * power).find((s) => s >= top);
}

const xOf = (at, end, from, width) => from + (at - (end - span)) / span * width;

// Rates is the large plot. It keeps where its cursor is.
export class Rates {
  constructor(node, readout) {
    Object.assign(this, { node, readout, at: null, points: [], events: [], names: [] });
    node.addEventListener("pointermove", (e) => this.move((e.clientX - node.getBoundingClientRect().left - labelIn(node.clientWidth)) / this.width));
    node.addEventListener("pointerleave", () => this.move(null));
    node.addEventListener("keydown", (e) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
      if (!step) return;
      e.preventDefault();
      this.move(Math.min(1, Math.max(0, (this.at ?? 1) + step / 60)));
    });
  }

  move(at) {
    this.at = at !== null && at >= 0 && at <= 1 ? at : null;
    this.draw(this.points, this.events);
  }

  draw(points, events) {
    Object.assign(this, { points, events });
    const total = Math.max(300, this.node.clientWidth);
    const height = 190, base = height - 20, top = 14;
    const label = labelIn(total);
    const width = this.width = total - label;
    const end = points.length > 0 ? Date.parse(points.at(-1).time) : Date.now();
    const names = this.names = (points.at(-1)?.ports ?? []).map((p) => p.name).slice(0, colours);
    const scale = scaleOf(points.flatMap((p) => (p.ports ?? []).map((r) => r.rx_bits + r.tx_bits)));
    const y = (v) => base - v / scale * (base - top);
    const x = (at) => xOf(at, end, label, width);
    const picture = svg("svg", { viewBox: `0 0 ${total} ${height}`, width: total, height });
    for (const part of [0, 0.5, 1]) {
      picture.append(svg("line", { class: "grid", x1: label, x2: total, y1: y(scale * part), y2: y(scale * part) }),
        svg("text", { class: "small num", x: label - 10, y: y(scale * part) + 4, "text-anchor": "end" }, bits(scale * part)));
    }
    for (let minute = 0; minute <= 10; minute += total < 560 ? 5 : 2) {
      const at = end - minute * 60e3;
      picture.append(svg("text", { class: "small num", x: x(at), y: height - 4, "text-anchor": minute === 0 ? "end" : minute === 10 ? "start" : "middle" },
        minute === 0 ? "now" : `−${minute} min`));
    }
    names.forEach((name, i) => picture.append(series(points, name, label, x, y, i)));
    for (const e of events.filter((e) => e.kind === "failover" && Date.parse(e.time) > end - span)) picture.append(failover(e, x, top, base));
    if (this.at !== null) picture.append(svg("line", { class: "cursor", x1: label + this.at * width, x2: label + this.at * width, y1: top, y2: base }));
    this.node.replaceChildren(picture);
    this.read(end);
  }

  // read says the values under the cursor, or the last ones.
  read(end) {
    const at = this.at === null ? end : end - span + this.at * span;
    const near = this.points.reduce((best, p) => (Math.abs(Date.parse(p.time) - at) < Math.abs(Date.parse(best.time) - at) ? p : best), this.points[0]);
    if (!near) {
      this.readout.replaceChildren("Rates come after a second.");
      return;
    }
    this.readout.replaceChildren(html("span", {}, this.at === null ? "now" : clock(new Date(near.time))),
      ...this.names.map((name, i) => html("span", { class: `c${i}` }, html("i", {}), `${name} ${bits(total(near, name))}`)));
  }
}

const total = (point, name) => {
  const r = (point.ports ?? []).find((p) => p.name === name);
  return r ? r.rx_bits + r.tx_bits : 0;
};

function series(points, name, left, x, y, i) {
  const dots = points.map((p) => [x(Date.parse(p.time)), y(total(p, name))]).filter(([at]) => at >= left);
  if (dots.length === 0) return svg("g", {});
  const line = dots.map(([a, b]) => `${a.toFixed(1)} ${b.toFixed(1)}`).join("L");
  return svg("g", { class: `c${i}` },
    svg("path", { class: "under", d: `M${dots[0][0].toFixed(1)} ${y(0)}L${line}L${dots.at(-1)[0].toFixed(1)} ${y(0)}Z` }),
    svg("path", { class: "series", d: `M${line}` }));
}

function failover(e, x, top, base) {
  const at = x(Date.parse(e.time));
  return svg("g", { "data-event": e.seq }, svg("title", {}, `${clock(new Date(e.time))} ${sentence(e)[1]}`),
    svg("line", { class: "mark-line", x1: at, x2: at, y1: top, y2: base }),
    svg("path", { class: "mark-head", d: `M${at} ${top - 10}l6 6l-6 6l-6 -6Z` }));
}

const stateWords = { up: "link up", down: "no link" };

// drawStrips shows the links of all ports, and the paths that changed, on the same time.
export function drawStrips(node, points, events, started) {
  const total = Math.max(300, node.clientWidth);
  const label = labelIn(total);
  const end = points.length > 0 ? Date.parse(points.at(-1).time) : Date.now();
  const strips = [...portStrips(points).map((s) => ({ ...s, title: `port ${s.name}` })), ...pathStrips(events, Math.max(started, end - span), end, 12)];
  const step = 20;
  const picture = svg("svg", { viewBox: `0 0 ${total} ${strips.length * step}`, width: total, height: strips.length * step, role: "img",
    "aria-label": "States of ports and of paths that changed, over the same time" });
  strips.forEach((s, i) => {
    const most = Math.floor(label / 7);
    const name = s.name.length > most ? `${s.name.slice(0, most - 1)}…` : s.name;
    picture.append(svg("text", { class: "small", x: label - 10, y: i * step + 14, "text-anchor": "end" }, name));
    for (const p of s.pieces) {
      const from = xOf(Math.max(p.from, end - span), end, label, total - label), to = xOf(p.to, end, label, total - label);
      const word = stateWords[p.word] ?? p.word;
      picture.append(svg("rect", { class: `strip ${p.word}`, x: from, y: i * step + 4, width: Math.max(1.5, to - from), height: 12, rx: 2 },
        svg("title", {}, `${s.title}: ${word} from ${clock(new Date(p.from))} to ${clock(new Date(p.to))}`)));
    }
  });
  node.replaceChildren(picture);
}

const small = [
  ["Messages", (p) => p.rx_messages + p.tx_messages, "/s"],
  ["Retransmitted chunks", (p) => p.retransmits, "/s"],
  ["Drops", (p) => p.drops, "/s"],
  ["Associations", (p) => p.associations, ""],
];

// drawSmall is a row of plots, each with its value now and its largest.
export function drawSmall(node, points) {
  node.replaceChildren(...small.map(([title, of, unit]) => {
    const values = points.map(of);
    const top = Math.max(0, ...values), scale = scaleOf(values);
    const dots = values.map((v, i) => `${(300 - (values.length - 1 - i) * 0.5).toFixed(1)} ${(46 - v / scale * 42).toFixed(1)}`);
    return html("div", {}, html("h3", {}, title),
      html("p", {}, `${short(values.at(-1) ?? 0)}${unit}`, html("small", {}, `most ${short(top)}`)),
      svg("svg", { viewBox: "0 0 300 48", width: "100%", height: 48, preserveAspectRatio: "none", class: "c0", "aria-hidden": "true" },
        svg("line", { class: "grid", x1: 0, x2: 300, y1: 47, y2: 47 }),
        dots.length > 1 && svg("path", { class: "series", d: `M${dots.join("L")}`, "vector-effect": "non-scaling-stroke" })));
  }));
}
