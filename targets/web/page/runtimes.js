// One file open in one runtime: `inputs` tells what it takes, `feed` gives it that, `run` is one call, `fetch` its outputs.

const RUNTIMES = new URL('runtimes/', document.baseURI).href;
let litert, onnx; // each is loaded once, with the threads of the first file

class LiteRT {
  static async open(bytes, threads) {
    const { loadLiteRt, loadAndCompile, Tensor } = await import('@litertjs/core');
    litert ??= loadLiteRt(`${RUNTIMES}@litertjs/core/wasm/`, { threads: threads > 1 });
    await litert;
    const model = await loadAndCompile(bytes, { accelerator: 'wasm', cpuOptions: { numThreads: threads } });
    return new LiteRT(model, Tensor);
  }

  constructor(model, Tensor) {
    this.model = model;
    this.Tensor = Tensor;
    this.inputs = model.getInputDetails().map(({ name, shape, dtype }) => ({ name, shape: [...shape], dtype }));
    this.fed = [];
    this.given = [];
  }

  feed(arrays) {
    this.fed.forEach(tensor => tensor.delete());
    this.fed = arrays.map((array, i) => new this.Tensor(array, this.inputs[i].shape));
  }

  async run() {
    this.given.forEach(tensor => tensor.delete());
    this.given = await this.model.run(this.fed);
  }

  async fetch() {
    const details = this.model.getOutputDetails();
    return Promise.all(this.given.map(async (tensor, i) =>
      ({ values: await tensor.data(), shape: [...details[i].shape], dtype: details[i].dtype })));
  }

  close() {
    [...this.fed, ...this.given, this.model].forEach(one => one.delete());
  }
}

class OnnxRuntime {
  static async open(bytes, threads) {
    onnx ??= import('onnxruntime-web').then(module => {
      module.env.wasm.wasmPaths = `${RUNTIMES}onnxruntime-web/dist/`;
      module.env.wasm.numThreads = threads;
      return module;
    });
    const module = await onnx;
    return new OnnxRuntime(await module.InferenceSession.create(bytes, { executionProviders: ['wasm'] }), module.Tensor);
  }

  constructor(session, Tensor) {
    this.session = session;
    this.Tensor = Tensor;
    this.inputs = session.inputMetadata.map(({ name, shape, type }) =>
      ({ name, shape: shape.map(length => (length > 0 ? length : 1)), dtype: type }));
  }

  feed(arrays) {
    this.fed = Object.fromEntries(this.inputs.map(({ name, shape, dtype }, i) =>
      [name, new this.Tensor(dtype, arrays[i], shape)]));
  }

  async run() {
    this.given = await this.session.run(this.fed);
  }

  async fetch() {
    return this.session.outputNames.map(name => this.given[name])
      .map(({ data, dims, type }) => ({ values: data, shape: [...dims], dtype: type }));
  }

  close() {
    return this.session.release();
  }
}

const KINDS = { 'litert.js/wasm': LiteRT, 'onnxruntime-web/wasm': OnnxRuntime };

/** The file's bytes, open in the runtime of this name. */
export const open = (runtime, bytes, threads) => KINDS[runtime].open(bytes, threads);
