// The page: asks once a second, draws what it was told.

import { follow, look } from "./api.js";
import { byId, html, table } from "./dom.js";
import { clock, duration, millis, plural, short } from "./format.js";
import { draw as drawMap } from "./map.js";
import { bySeverity, glyphs, pathCount, sentence, verdict, words } from "./model.js";
import { drawSmall, drawStrips, Rates } from "./plots.js";

const kept = 500; // events
const rows = 30; // of the table of paths, the worst first
const marks = { good: "●", warn: "▲", bad: "✕", calm: "·" };

const events = [];
const sent = new Map(); // chunks by line of the map
const rates = new Rates(byId("rates"), byId("readout"));
let shown = null;
let seen = 0; // when the daemon last answered

function drawHead(state, points) {
  document.title = `${state.node} · Trunkline`;
  byId("node").textContent = state.node;
  const v = verdict(state);
  say(v.level, v.text);
  const last = points.at(-1);
  const facts = [["associations", state.associations.toLocaleString("en")], ["packets/s", last ? short(last.rx_packets + last.tx_packets) : "–"],
    ["running", duration((Date.parse(state.time) - Date.parse(state.started)) / 1000)], ["version", state.version]];
  byId("facts").replaceChildren(...facts.map(([name, value]) => html("div", {}, html("dt", {}, name), html("dd", {}, value))));
}

function say(level, text) {
  const p = byId("verdict");
  p.dataset.level = level;
  if (p.textContent !== text) p.textContent = text; // read aloud only when it changes
}

function drawTables(state) {
  table(byId("ports"), [["name", (p) => p.name], ["link", (p) => (p.up ? "up" : "no link")], ["paths", (p) => p.paths.toLocaleString("en"), true],
    ["received", (p) => short(p.rx_packets), true], ["sent", (p) => short(p.tx_packets), true],
    ["missed", (p) => short(p.rx_missed + p.rx_no_buffer), true], ["errors", (p) => short(p.rx_errors + p.tx_errors), true]], state.ports ?? []);
  const drops = (state.drops ?? []).filter((d) => d.count > 0).sort((a, b) => b.count - a.count);
  byId("drops-title").textContent = drops.length > 0 ? "Drops" : "Drops: none";
  table(byId("drops"), [["packets or chunks", (d) => short(d.count), true], ["reason", (d) => d.name], ["", (d) => d.help, false, "text"]], drops.slice(0, 20));
  if (drops.length === 0) byId("drops").replaceChildren();
  const paths = (state.assocs ?? []).flatMap((a) => a.paths.map((p) => ({ a, p }))).sort((x, y) => bySeverity(x.p, y.p));
  table(byId("paths"), [["association", ({ a }) => a.id], ["peer", ({ p }) => p.dst], ["port", ({ a }) => String(a.peer_port), true], ["by", ({ p }) => p.port || "none"],
    ["state", ({ p }) => html("span", { class: `word ${p.state}` }, `${glyphs[p.state]} ${words[p.state]}`)],
    ["", ({ p }) => [p.current && "data goes here", p.primary && "primary"].filter(Boolean).join(", ")],
    ["round trip", ({ p }) => (p.srtt_ms > 0 ? millis(p.srtt_ms) : "–"), true], ["RTO", ({ p }) => millis(p.rto_ms), true], ["cwnd", ({ p }) => short(p.cwnd), true],
    ["errors", ({ p }) => String(p.errors), true], ["retransmitted", ({ p }) => short(p.retransmits), true]], paths.slice(0, rows));
  byId("more").textContent = paths.length > rows ? `The worst ${rows} of ${plural(pathCount(state), "path")}. All are in: trunkline paths --all` : "";
  const { associations: hidden, troubled } = state.hidden ?? { associations: 0, troubled: 0 };
  byId("hidden").textContent = hidden > 0
    ? `These are the worst ${plural(state.assocs.length, "association")}; ${plural(hidden, "other")} ${hidden === 1 ? "is" : "are"} not drawn${troubled > 0 ? `, ${troubled.toLocaleString("en")} of them in trouble, too` : ""}.` : "";
}

function drawEvents() {
  const latest = events.slice(-100).reverse();
  byId("events").replaceChildren(...latest.map((e) => {
    const [level, text] = sentence(e);
    return html("li", { "data-kind": e.kind }, html("time", { datetime: e.time }, clock(new Date(e.time))),
      html("span", { class: level, "aria-hidden": "true" }, marks[level]), html("span", {}, text));
  }));
  if (latest.length === 0) byId("events").replaceChildren(html("li", {}, html("span", {}), html("span", {}), "Nothing has happened yet."));
}

function drawAll() {
  if (!shown) return;
  const { state, points } = shown;
  drawHead(state, points);
  drawMap(byId("map"), state, new Map((points.at(-1)?.ports ?? []).map((r) => [r.name, r])), sent);
  rates.draw(points, events);
  drawStrips(byId("strips"), points, events, Date.parse(state.started));
  drawSmall(byId("plots"), points);
  drawTables(state);
}

async function tick() {
  try {
    shown = await look();
    seen = Date.now();
    document.body.classList.remove("stale");
    drawAll();
  } catch (err) {
    document.body.classList.add("stale");
    say("bad", seen > 0 ? `The daemon has not answered for ${duration((Date.now() - seen) / 1000)}. What is below is from then.` : `The daemon does not answer (${err.message}).`);
  }
  setTimeout(tick, 1000);
}

let due = false;
follow((e) => {
  events.push(e);
  if (events.length > kept) events.shift();
  if (due) return; // many at once are drawn once
  due = true;
  requestAnimationFrame(() => {
    due = false;
    drawEvents();
  });
}, () => { events.length = 0; });
addEventListener("resize", drawAll);
drawEvents();
tick();
