/** What the model says of raw values, by name@@{unit}. */
export async function values(model, raw) {
  const found = await model.run(model.fed(raw));
  return Object.fromEntries(LABELS.map((name, i) => [name, found[i]]));
}

/** In words: every value. */
export async function show(model, raw) {
  return Object.entries(await values(model, raw)).map(([name, value]) => `${name}: ${value}`).join('\n');
}
