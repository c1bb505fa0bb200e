struct Label {
    let name: String
    let score: Float
    let index: Int
}

extension @@{type} {
    /// The top label of raw values; the score is what the model gives for it.
    func classify(_ raw: [@@{number}]) throws -> Label {
        let scores = try run(fed(raw))
        let top = scores.indices.max { scores[$0] < scores[$1] }!
        return Label(name: @@{type}.labels[top], score: scores[top], index: top)
    }
}

/// Into the log: the top label of raw values.
func show(_ model: @@{type}, _ raw: [@@{number}]) throws {
    let top = try model.classify(raw)
    print("\(top.name): \(top.score)")
}
