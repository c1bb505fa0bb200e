class Reconstruction(val values: FloatArray, val error: Float)

/** What the model makes of raw values, and by how much it is off: the mean squared error, large for what is strange. */
fun @@{type}.reconstruct(raw: @@{number}Array): Reconstruction {
    val fed = fed(raw)
    val values = run(fed)
    val error = values.indices.sumOf { ((values[it] - fed[it]) * (values[it] - fed[it])).toDouble() } / values.size
    return Reconstruction(values, error.toFloat())
}

/** Into the log: by how much it is off. */
fun show(model: @@{type}, raw: @@{number}Array) = println("error: ${model.reconstruct(raw).error}")
