/** What the model makes of raw values, and by how much it is off: the mean squared error, large for what is strange. */
export async function reconstruct(model, raw) {
  const fed = model.fed(raw), values = await model.run(fed);
  return { values, error: values.reduce((sum, value, i) => sum + (value - fed[i]) ** 2, 0) / values.length };
}

/** In words: by how much it is off. */
export async function show(model, raw) {
  return `error: ${(await reconstruct(model, raw)).error}`;
}
