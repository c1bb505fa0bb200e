/** The top label of raw values; the score is what the model gives for it. */
export async function classify(model, raw) {
  const scores = await model.run(model.fed(raw)), index = scores.indexOf(Math.max(...scores));
  return { name: LABELS[index], score: scores[index], index };
}

/** In words: the top label of raw values. */
export async function show(model, raw) {
  const { name, score } = await classify(model, raw);
  return `${name}: ${score}`;
}
