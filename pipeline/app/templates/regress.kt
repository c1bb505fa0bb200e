/** What the model says of raw values, by name@@{unit}. */
fun @@{type}.values(raw: @@{number}Array): Map<String, Float> = @@{type}.LABELS.zip(run(fed(raw)).asIterable()).toMap()

/** Into the log: every value. */
fun show(model: @@{type}, raw: @@{number}Array) = model.values(raw).forEach { (name, value) -> println("$name: $value") }
