// What the page shows, out of what the daemon says. No document here: pure functions.

import { plural } from "./format.js";

// From good to bad; the worst counts where one line stands for several paths.
const order = ["ACTIVE", "UNCONFIRMED", "PF", "INACTIVE"];
const worse = (a, b) => (order.indexOf(b) > order.indexOf(a) ? b : a);

export const bySeverity = (a, b) => order.indexOf(b.state) - order.indexOf(a.state);

export const words = { ACTIVE: "active", PF: "potentially failed", INACTIVE: "inactive", UNCONFIRMED: "unconfirmed" };
export const glyphs = { ACTIVE: "●", PF: "◐", INACTIVE: "✕", UNCONFIRMED: "○" };

// peers joins associations with the same peer, by its port and addresses: of each address
// one row, which has one line to each port that its paths map to.
export function peers(assocs) {
  const groups = new Map();
  for (const a of assocs) {
    const addresses = a.paths.map((p) => p.dst).sort();
    const key = `${addresses.join(" ")} ${a.peer_port}`;
    let g = groups.get(key);
    if (!g) groups.set(key, g = { key, port: a.peer_port, count: 0, states: new Set(), local: new Set(), rows: new Map(), worst: "ACTIVE" });
    g.count++;
    g.states.add(a.state);
    g.local.add(a.local_port);
    for (const p of a.paths) addPath(g, p);
  }
  const list = [...groups.values()].map((g) => ({ ...g, rows: [...g.rows.values()].map((r) => ({ ...r, lines: [...r.lines.values()] })) }));
  return list.sort((a, b) => order.indexOf(b.worst) - order.indexOf(a.worst) || b.count - a.count || (a.key < b.key ? -1 : 1));
}

function addPath(g, p) {
  g.worst = worse(g.worst, p.state);
  let row = g.rows.get(p.dst);
  if (!row) g.rows.set(p.dst, row = { dst: p.dst, state: p.state, paths: 0, in: {}, primary: false, srtt: 0, lines: new Map() });
  row.state = worse(row.state, p.state);
  row.paths++;
  row.in[p.state] = (row.in[p.state] ?? 0) + 1;
  row.primary ||= p.primary;
  row.srtt = Math.max(row.srtt, p.srtt_ms);
  let line = row.lines.get(p.port);
  if (!line) row.lines.set(p.port, line = { port: p.port, state: p.state, current: false, chunks: 0 });
  line.state = worse(line.state, p.state);
  line.current ||= p.current;
  line.chunks += p.tx_chunks;
}

// bitsOf is an address as a number and its length, undefined if it is none.
function bitsOf(text) {
  if (/^\d+\.\d+\.\d+\.\d+$/.test(text)) return { value: text.split(".").reduce((n, part) => n << 8n | BigInt(part), 0n), length: 32 };
  if (!/^[0-9a-f:]+$/i.test(text)) return undefined;
  const [head, tail] = text.split("::").map((half) => half.split(":").filter((part) => part !== ""));
  const groups = tail ? [...head, ...Array(Math.max(0, 8 - head.length - tail.length)).fill("0"), ...tail] : head;
  return { value: groups.reduce((n, part) => n << 16n | BigInt(`0x${part}`), 0n), length: 128 };
}

// homeOf is the port on whose subnet an address is; undefined if there is none.
export function homeOf(address, ports) {
  const a = bitsOf(address);
  return a && ports.find((p) => p.addrs.some((prefix) => {
    const [text, length] = prefix.split("/");
    const net = bitsOf(text);
    return net?.length === a.length && net.value >> BigInt(a.length - length) === a.value >> BigInt(a.length - length);
  }));
}

// pathCount is how many paths all associations have.
export const pathCount = (state) => sum(state.path_counts ?? []);

const sum = (list) => list.reduce((n, x) => n + x.count, 0);

// verdict is the whole in one sentence, and how good it is: of all associations, also of those
// that are not listed.
export function verdict(state) {
  const down = (state.ports ?? []).filter((p) => !p.up);
  const counts = state.path_counts ?? [];
  const paths = pathCount(state), off = paths - sum(counts.filter((c) => c.state === "ACTIVE"));
  const lost = sum((state.plights ?? []).filter((p) => p.plight === "lost"));
  const said = [];
  if (down.length > 0) said.push(`${down.map((p) => p.name).join(", ")}: no link`);
  if (off > 0) said.push(`${off === paths ? "all" : off.toLocaleString("en")} of ${plural(paths, "path")} ${off === 1 ? "is" : "are"} not active`);
  if (lost > 0) said.push(`${plural(lost, "association")} without any path`);
  if (lost > 0) return { level: "bad", text: `${said.join("; ")}.` };
  if (said.length > 0) return { level: "warn", text: `${said.join("; ")}. Traffic goes on.` };
  if (state.associations === 0) return { level: "good", text: "All ports are up. There are no associations." };
  return { level: "good", text: `All ports are up, and all ${plural(paths, "path")} of ${plural(state.associations, "association")} active.` };
}

// strips is how each port's link was over time, as pieces {from, to, word}, out of the
// history, and so each path's that changed, out of the events.
export function portStrips(points) {
  const strips = new Map();
  for (const point of points) {
    for (const p of point.ports ?? []) {
      extend(strips, p.name, Date.parse(point.time), p.up ? "up" : "down");
    }
  }
  return [...strips].map(([name, pieces]) => ({ name, pieces }));
}

function extend(strips, name, at, word) {
  let pieces = strips.get(name);
  if (!pieces) strips.set(name, pieces = []);
  const last = pieces.at(-1);
  if (last?.word === word) {
    last.to = at;
    return;
  }
  if (last) last.to = at;
  pieces.push({ from: at, to: at, word });
}

export function pathStrips(events, from, to, most) {
  const strips = new Map(), began = new Map();
  for (const e of events) {
    const at = Math.max(from, Date.parse(e.time));
    if (e.kind === "up") began.set(e.assoc, at);
    if (e.kind !== "path_state") continue;
    const key = `${e.path} ${e.assoc}`;
    let s = strips.get(key);
    if (!s) {
      if (strips.size === most) continue;
      const port = (e.peer ?? "").replace(/^.*(:\d+)$/, "$1");
      strips.set(key, s = { name: `${e.path}${port}`, title: `${e.path} of association ${e.assoc}`, pieces: [{ from: began.get(e.assoc) ?? from, to, word: e.from }] });
    }
    s.pieces.at(-1).to = at;
    s.pieces.push({ from: at, to, word: e.to });
  }
  return [...strips.values()].map((s) => ({ ...s, pieces: s.pieces.filter((p) => p.to > p.from) })).filter((s) => s.pieces.length > 0);
}

// sentence says an event, and how good the news is.
export function sentence(e) {
  const who = e.peer ? `${e.peer} at our port ${e.local_port}` : `association ${e.assoc}`;
  const why = e.why ? `: ${e.why}` : "";
  switch (e.kind) {
    case "up": return ["good", `Association with ${who} is up${why}.`];
    case "down": return [/shutdown/.test(e.why ?? "") ? "calm" : "bad", `Association with ${who} is gone${why}.`];
    case "restart": return ["warn", `The peer of ${who} restarted.`];
    case "path_state": return [levels[e.to] ?? "calm", `Path to ${e.path}${e.port ? ` by ${e.port}` : ""} of ${who}: ${words[e.from] ?? e.from} to ${words[e.to] ?? e.to}${why}.`];
    case "failover": return ["warn", `Traffic with ${who} goes to ${e.to}${e.port ? ` by ${e.port}` : ""} instead of ${e.from}${why}.`];
    case "resumed": return ["good", `Traffic with ${who} goes on; it stood still for ${e.standstill_ms.toPrecision(3)} ms.`];
    case "link": return [e.to === "up" ? "good" : "bad", `Port ${e.port}: link ${e.to}.`];
    case "address": return ["calm", `Address ${e.path ?? ""} of ${who}${why}.`];
    case "missed": return ["warn", `${plural(e.count, "event")} were missed.`];
    default: return ["calm", `${e.kind}${why}.`];
  }
}

const levels = { ACTIVE: "good", PF: "warn", INACTIVE: "bad" };
