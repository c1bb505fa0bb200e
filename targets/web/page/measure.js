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

/** A round as the plan says: after its warm-up, the milliseconds a call of every batch in order, and the batch's calls. */
export async function round(call, plan, step, progress) {
  await warmUp(call, plan);
  const batch = await batchFor(call, step);
  const wanted = Math.max(Math.ceil(plan.runs / batch), Math.min(plan.runs, FEWEST));
  const samples = [], start = now();
  for (let spoken = start; samples.length < wanted;) {
    samples.push(await repeated(call, batch) / batch);
    const after = now();
    if (after - start > plan.seconds * 1e3) break;
    if (after - spoken > PAUSE) {
      progress(Math.max(samples.length / wanted, (after - start) / (plan.seconds * 1e3)));
      await drawn();
      spoken = now();
    }
  }
  return { samples, batch };
}

/** Calls that are not counted: at least one, as many and as long as the plan says. */
async function warmUp(call, { warmup, warmup_seconds }) {
  const start = now();
  let calls = 0;
  do {
    await call();
    calls++;
  } while (calls < warmup || now() - start < warmup_seconds * 1e3);
}

/** How many calls make a batch: doubled until the fastest of three batches takes enough steps of the clock. */
async function batchFor(call, step) {
  for (let batch = 1; ; batch *= 2) {
    let fastest = Infinity;
    for (let trial = 0; trial < 3 && fastest >= STEPS * step; trial++) fastest = Math.min(fastest, await repeated(call, batch));
    if (fastest >= STEPS * step) return batch;
  }
}

/** Milliseconds of so many calls. */
export async function repeated(call, times) {
  const start = now();
  for (let i = 0; i < times; i++) await call();
  return now() - start;
}

/** The p-th percentile, between its two neighbours. */
export function percentile(samples, p) {
  const sorted = [...samples].sort((a, b) => a - b), at = (sorted.length - 1) * p / 100, low = Math.floor(at);
  return sorted[low] + ((sorted[low + 1] ?? sorted[low]) - sorted[low]) * (at - low);
}
