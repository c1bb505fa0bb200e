extension @@{type} {
    /// What the model says of raw values, by name@@{unit}.
    func values(_ raw: [@@{number}]) throws -> [(String, Float)] {
        return Array(zip(@@{type}.labels, try run(fed(raw))))
    }
}

/// Into the log: every value.
func show(_ model: @@{type}, _ raw: [@@{number}]) throws {
    for (name, value) in try model.values(raw) {
        print("\(name): \(value)")
    }
}
