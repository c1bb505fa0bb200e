data class Label(val name: String, val score: Float, val index: Int)

/** The top label of raw values; the score is what the model gives for it. */
fun @@{type}.classify(raw: @@{number}Array): Label {
    val scores = run(fed(raw))
    val top = scores.indices.maxBy { scores[it] }
    return Label(@@{type}.LABELS[top], scores[top], top)
}

/** Into the log: the top label of raw values. */
fun show(model: @@{type}, raw: @@{number}Array) {
    val top = model.classify(raw)
    println("${top.name}: ${top.score}")
}
