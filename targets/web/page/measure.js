// Times calls with a clock that a browser made coarse: in batches so long that its step does not matter.

const STEPS = 100; // of the clock that a batch takes at least
const FEWEST = 20; // batches a round, if its seconds allow
const PAUSE = 250; // milliseconds after which the page may draw

const now = () => performance.now();
const drawn = () => new Promise(resume => setTimeout(resume));

/** The clock's smallest step in milliseconds, the middle one of several. */
export function clockStep() {
  const steps = [];
  for (let last = now(), end = last + 50; steps.length < 25 && last < end;) {
    const next = now();
    if (next > last) steps.push(next - last);
    last = next;
  }
  return steps.sort((a, b) => a - b)[steps.length >> 1] ?? 50;
}

/** Milliseconds of one call, and that it is over. */
export async function once(call) {
  const start = now();
  await call();
  return now() - start;
}

/** A round as the plan says: after its warm-up, the milliseconds a call of every batch in order, and the batch's calls. */
export async function round(call, plan, step, progress) {
  const warm = await warmUp(call, plan);
  const batch = Math.max(1, Math.ceil(STEPS * step / Math.max(warm, step / 1000)));
  const wanted = Math.max(Math.ceil(plan.runs / batch), Math.min(plan.runs, FEWEST));
  const samples = [], start = now();
  for (let spoken = start; samples.length < wanted;) {
    const before = now();
    for (let i = 0; i < batch; i++) await call();
    const after = now();
    samples.push((after - before) / batch);
    if (after - start > plan.seconds * 1e3) break;
    if (after - spoken > PAUSE) {
      progress(Math.max(samples.length / wanted, (after - start) / (plan.seconds * 1e3)));
      await drawn();
      spoken = now();
    }
  }
  return { samples, batch };
}

/** Milliseconds a call took on average while it warmed up: at least one call, and as long as the plan says. */
async function warmUp(call, { warmup, warmup_seconds }) {
  let calls = 0;
  const start = now();
  do {
    await call();
    calls++;
  } while (calls < warmup || now() - start < warmup_seconds * 1e3);
  return (now() - start) / calls;
}

/** The p-th percentile, between its two neighbours. */
export function percentile(samples, p) {
  const sorted = [...samples].sort((a, b) => a - b), at = (sorted.length - 1) * p / 100, low = Math.floor(at);
  return sorted[low] + ((sorted[low + 1] ?? sorted[low]) - sorted[low]) * (at - low);
}
