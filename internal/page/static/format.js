// Numbers and times as people read them.

const steps = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];

// short is 1234567 as "1.23 M".
export function short(n) {
  for (const [size, letter] of steps) {
    if (n >= size) return `${(n / size).toPrecision(3)} ${letter}`;
  }
  return n >= 100 || Number.isInteger(n) ? String(Math.round(n)) : n.toPrecision(2);
}

export const bits = (n) => `${short(n)}${n >= 1e3 ? "" : " "}bit/s`;

// millis is 0.0123 as "12 µs", of milliseconds.
export function millis(ms) {
  if (ms >= 1000) return `${(ms / 1000).toPrecision(3)} s`;
  if (ms >= 1) return `${ms >= 100 ? Math.round(ms) : ms.toPrecision(2)} ms`;
  return `${Math.round(ms * 1000)} µs`;
}

const two = (n) => String(n).padStart(2, "0");

export function clock(date) {
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

// duration is 93784 as "1 d 2 h", of seconds.
export function duration(s) {
  s = Math.max(0, Math.floor(s));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s % 86400 / 3600)} h`;
}

export const plural = (n, one, many = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
