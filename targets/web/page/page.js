// Joins a run, does what the server asks (load, infer, measure, unload), and shows how far it is and what came out.

import { dequantized, packed, seeded, unpacked } from './arrays.js';
import { clockStep, percentile, repeated, round } from './measure.js';
import { open } from './runtimes.js';
import { hex, sha256 } from './sha256.js';

const HEARTBEAT = 500; // milliseconds between two words of progress
const step = clockStep();
const files = new Map(); // what is open, by the server's number for it
const $ = id => document.getElementById(id);
let seat, source, spoken = 0;

function facts() {
  return {
    user_agent: navigator.userAgent, platform: navigator.userAgentData?.platform ?? navigator.platform,
    cores: navigator.hardwareConcurrency ?? null, memory_gb: navigator.deviceMemory ?? null,
    secure_context: isSecureContext, cross_origin_isolated: globalThis.crossOriginIsolated === true,
    webassembly: typeof WebAssembly === 'object', clock_us: step * 1e3, screen: `${screen.width}x${screen.height}`,
  };
}

/** What the browser says now; batteries are told by a few only. */
async function telemetry() {
  const battery = await navigator.getBattery?.().catch(() => null);
  return {
    visible: document.visibilityState === 'visible',
    battery_percent: battery ? Math.round(battery.level * 100) : null, charging: battery?.charging ?? null,
  };
}

const ACTIONS = {
  async load({ file, name, runtime, threads, url, sha256: wanted, quantized }) {
    show(`Loading ${name}`);
    const bytes = new Uint8Array(await (await fetch(`../${seat}/${url}`)).arrayBuffer());
    if (hex(sha256(bytes)) !== wanted) throw Object.assign(new Error('the file did not arrive whole'), { code: 'damaged-copy' });
    const model = await open(runtime, bytes, threads);
    files.set(file, { name, runtime, model, quantized, samples: [], card: card(name, runtime) });
    return { inputs: model.inputs };
  },

  async infer({ file, inputs }) {
    const one = files.get(file);
    feed(one, inputs);
    await called(one);
    return { outputs: await outputs(one) };
  },

  async measure({ file, ...plan }) {
    const one = files.get(file), before = await telemetry();
    show(`Measuring ${one.name}`);
    if (!one.seeded) feed(one, null);
    if (one.first === undefined) await called(one);
    let hidden = document.hidden;
    const watch = () => { hidden ||= document.hidden; };
    document.addEventListener('visibilitychange', watch);
    const { samples, batch } = await round(() => one.model.run(), plan, step, share => advance(plan, share));
    document.removeEventListener('visibilitychange', watch);
    advance(plan, 1);
    one.samples.push(...samples);
    write(one);
    return {
      first_us: one.first * 1e3, latency_us: samples.map(ms => ms * 1e3), batch, clock_us: step * 1e3,
      before: { ...before, visible: before.visible && !hidden }, after: await telemetry(), outputs: await outputs(one),
    };
  },

  async unload({ file }) {
    await files.get(file)?.model.close();
    files.delete(file);
    return {};
  },
};

async function called(one) {
  const ms = await repeated(() => one.model.run(), 1);
  one.first ??= ms;
}

/** Gives a file these arrays, or seeded ones; where the file itself takes integers, its twin gets what they stand for. */
function feed(one, arrays) {
  one.seeded = arrays === null;
  one.model.feed(one.model.inputs.map(({ shape, dtype }, i) => {
    const scaled = one.quantized[i];
    const values = arrays ? unpacked(arrays[i]) : seeded(shape, scaled ? 'int8' : dtype, i);
    return scaled ? dequantized(values, scaled) : values;
  }));
}

const outputs = async one => (await one.model.fetch()).map(({ values, shape, dtype }) => packed(values, shape, dtype));

function show(text, kind = '') {
  $('state').textContent = text;
  $('state').className = kind;
}

function advance({ place, places }, share) {
  $('bar').value = (place + Math.min(1, share)) / places;
  if (performance.now() - spoken < HEARTBEAT) return;
  spoken = performance.now();
  post('events', { event: 'progress', done: $('bar').value }).catch(() => {});
}

function card(name, runtime) {
  const article = document.createElement('article');
  article.innerHTML = '<h2></h2><p class="figure">–</p><p class="about"></p>';
  article.children[0].textContent = name;
  article.children[2].textContent = runtime;
  $('results').append(article);
  return article;
}

/** The figure in large type: the median of every round so far. */
function write({ card, samples, runtime, first }) {
  const [middle, high, once] = [percentile(samples, 50), percentile(samples, 90), first].map(told);
  card.children[1].innerHTML = `${middle[0]} <small>${middle[1]}</small>`;
  card.children[2].textContent = `p50 in ${runtime} · p90 ${high.join('\u00a0')} · first call ${once.join('\u00a0')}`;
}

/** Milliseconds as people read them: three digits that count, and their unit. */
function told(ms) {
  const [value, unit] = ms < 1 ? [ms * 1e3, 'µs'] : ms < 1e3 ? [ms, 'ms'] : [ms / 1e3, 's'];
  return [value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0), unit];
}

async function post(where, body) {
  const answer = await fetch(`../${seat ?? '.'}/${where}`, { method: 'POST', body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(await answer.text());
  return answer;
}

async function serve(request) {
  const { do: action, id, ...values } = request;
  if (action === 'done') {
    $('bar').value = 1;
    return end('Done. You can close this page.', 'good');
  }
  try {
    await post('events', { event: 'result', id, ...await ACTIONS[action](values) });
  } catch (error) {
    const message = String(error?.message ?? error).trim() || String(error);
    show(`${files.get(values.file)?.name ?? values.name ?? action}: ${message}`, 'bad');
    await post('events', { event: 'error', id, code: error?.code ?? 'failed', message });
  }
}

function end(text, kind) {
  source?.close();
  seat = undefined;
  show(text, kind);
}

async function join() {
  const answer = await fetch('join', { method: 'POST', body: JSON.stringify(facts()) });
  if (!answer.ok) return end(await answer.text(), 'bad');
  seat = (await answer.json()).seat;
  navigator.wakeLock?.request('screen').catch(() => {});
  addEventListener('pagehide', () => seat && navigator.sendBeacon(`../${seat}/events`, '{"event": "gone"}'));
  show('Waiting for the first file …');
  let turn = Promise.resolve();
  source = new EventSource(`../${seat}/requests`);
  source.onmessage = ({ data }) => { turn = turn.then(() => serve(JSON.parse(data))); };
  source.onerror = () => end('The connection is gone. Start `edgestill bench` again.', 'bad');
}

const isolated = globalThis.crossOriginIsolated ? 'isolated: threads and a fine clock' : 'not isolated: one thread, a coarse clock';
$('facts').textContent = `${navigator.hardwareConcurrency ?? '?'} cores · ${isolated} · clock step ${(step * 1e3).toFixed(0)} µs`;
join().catch(error => end(String(error.message ?? error), 'bad'));
