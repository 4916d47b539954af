// The daemon's answers: what it is now once a second, and what happens as it happens.

async function get(path, options) {
  const answer = await fetch(path, { cache: "no-store", ...options });
  if (answer.status === 401 || answer.status === 403) {
    location.reload(); // the daemon asks for the token
  }
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer;
}

// The worst associations are enough for a picture; all are in `trunkline assocs --all`.
const limit = 500;

export async function look() {
  const [state, history] = await Promise.all([
    get(`v1/state?parts=ports,assocs,drops,counters&order=worst&limit=${limit}`).then((r) => r.json()),
    get("v1/history").then((r) => r.json()),
  ]);
  return { state, points: history.points ?? [] };
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// follow calls tell with each event, those that are kept first, and again(), which forgets
// what was told, when the daemon is another one.
export async function follow(tell, again) {
  for (let seq = 0; ; await pause(1000)) {
    try {
      const answer = await get(`v1/events?follow=1&since=${seq}`);
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = ""; ;) {
        const { value, done } = await reader.read();
        if (done) break;
        const lines = (rest + value).split("\n");
        rest = lines.pop();
        for (const line of lines.filter((l) => l !== "")) {
          const event = JSON.parse(line);
          if (event.seq > 0 && event.seq <= seq) again();
          seq = event.seq || seq;
          tell(event);
        }
      }
    } catch {
      // Gone for now: look() says so, and we ask again.
    }
  }
}
