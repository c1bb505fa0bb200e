// @@{about}
// npm install @litertjs/core@@@{litert}. Serve @@{file} beside this module.
// Written by edgestill.

import { Tensor, loadAndCompile, loadLiteRt } from '@litertjs/core';

export const FILE = @@{file_text};
export const SHAPE = @@{shape};
export const INPUTS = @@{inputs}, OUTPUTS = @@{outputs}, DIVISOR = Math.fround(@@{divisor});
export const MEAN = Float32Array.of(
  @@{mean}
);
export const STD = Float32Array.of(
  @@{std}
);
export const LABELS = [
  @@{labels}
];
const WASM = new URL('./node_modules/@litertjs/core/wasm/', import.meta.url).href;
const real = Math.fround; // the arithmetic of float32, as in training
let runtime;

/** One model; call it again when it has answered. */
export class @@{type} {
  /** Opens the file at `url`; LiteRT.js loads its own files from `wasm`. */
  static async open(url = new URL(FILE, import.meta.url), wasm = WASM) {
    runtime ??= loadLiteRt(wasm);
    await runtime;
    const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
    return new @@{type}(await loadAndCompile(bytes, { accelerator: 'wasm' }));
  }

  constructor(model) {
    this.model = model;
  }

  /** Raw values in the order of the input's shape, as the model takes them. */
  fed(raw) {
    if (raw.length !== INPUTS) throw new RangeError(`${raw.length} values given, the model takes ${INPUTS}`);
    return @@{number}32Array.from(raw, (value, i) => @@{fed});
  }

  /** What the model gives for what it is fed: a Float32Array. */
  async run(fed) {
    const given = new Tensor(fed, SHAPE);
    const [returned] = await this.model.run([given]);
    const values = Float32Array.from(await returned.data());
    given.delete();
    returned.delete();
    return values;
  }

  close() {
    this.model.delete();
  }
}

