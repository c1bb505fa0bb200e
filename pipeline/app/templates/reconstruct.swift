struct Reconstruction {
    let values: [Float]
    let error: Float
}

extension @@{type} {
    /// What the model makes of raw values, and by how much it is off: the mean squared error, large for what is strange.
    func reconstruct(_ raw: [@@{number}]) throws -> Reconstruction {
        let given = fed(raw)
        let values = try run(given)
        let error = zip(values, given).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / Float(values.count)
        return Reconstruction(values: values, error: error)
    }
}

/// Into the log: by how much it is off.
func show(_ model: @@{type}, _ raw: [@@{number}]) throws {
    print("error: \(try model.reconstruct(raw).error)")
}
