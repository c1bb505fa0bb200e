// Arrays as they come, go and are made: base64 on the wire, and inputs that are the same bytes on every target.

import { sha256 } from './sha256.js';

const TYPES = {
  float32: Float32Array, float64: Float64Array, int8: Int8Array, uint8: Uint8Array, bool: Uint8Array,
  int16: Int16Array, uint16: Uint16Array, int32: Int32Array, uint32: Uint32Array, int64: BigInt64Array, uint64: BigUint64Array,
};
const size = shape => shape.reduce((product, length) => product * length, 1);

/** Values from a sha-256 counter stream: any int8, floats in -1..1, indices 0 and 1. */
export function seeded(shape, dtype, seed) {
  const octets = stream(size(shape), seed);
  if (dtype.startsWith('float')) return kind(dtype).from(octets, octet => Math.fround((octet - 127.5) / 127.5));
  if (dtype === 'int8' || dtype === 'uint8') return new (kind(dtype))(octets.buffer, 0, octets.length);
  const wide = dtype.endsWith('64') ? BigInt : Number;
  return kind(dtype).from(octets, octet => wide(octet & 1));
}

function stream(count, seed) {
  const octets = new Uint8Array(Math.ceil(count / 32) * 32), text = new TextEncoder();
  for (let block = 0; block * 32 < count; block++) octets.set(sha256(text.encode(`${seed}:${block}`)), block * 32);
  return octets.subarray(0, count);
}

/** What integers stand for, as float32: a QUANTIZE with the same scale gives them back. */
export const dequantized = (integers, { scale, zero_point }) =>
  Float32Array.from(integers, value => Math.fround(Math.fround(value - zero_point) * Math.fround(scale)));

export function kind(dtype) {
  if (!TYPES[dtype]) throw new Error(`a browser has no arrays of ${dtype}`);
  return TYPES[dtype];
}

/** An array as the server reads it. */
export function packed(values, shape, dtype) {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return { shape, dtype, data: btoa(text) };
}

/** An array as the server sends it. */
export const unpacked = ({ dtype, data }) =>
  new (kind(dtype))(Uint8Array.from(atob(data), character => character.charCodeAt(0)).buffer);
