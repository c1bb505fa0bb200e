// @@{about}
// Podfile: pod 'TensorFlowLiteSwift', '~> 2.14'. Put @@{file} into the app's bundle.
// Written by edgestill.

import Foundation
import TensorFlowLite

/// One model; one thread at a time may call it.
final class @@{type} {
    static let file = @@{file_text}
    static let inputs = @@{inputs}  // @@{shape}
    static let outputs = @@{outputs}
    static let divisor: Float = @@{divisor}
    static let mean: [Float] = [
        @@{mean}
    ]
    static let std: [Float] = [
        @@{std}
    ]
    static let labels: [String] = [
        @@{labels}
    ]

    private let interpreter: Interpreter

    /// Opens the model at a path, such as Bundle.main.path(forResource: @@{type}.file, ofType: nil)!
    init(path: String, threads: Int = 2) throws {
        var options = Interpreter.Options()
        options.threadCount = threads
        interpreter = try Interpreter(modelPath: path, options: options)
        try interpreter.allocateTensors()
    }

    /// Raw values in the order of the input's shape, as the model takes them.
    func fed(_ raw: [@@{number}]) -> [@@{number}] {
        precondition(raw.count == Self.inputs, "\(raw.count) values given, the model takes \(Self.inputs)")
        return raw.indices.map { i in @@{fed} }
    }

    /// What the model gives for what it is fed.
    func run(_ fed: [@@{number}]) throws -> [Float] {
        try interpreter.copy(fed.withUnsafeBufferPointer { Data(buffer: $0) }, toInputAt: 0)
        try interpreter.invoke()
        let output = try interpreter.output(at: 0)
        return output.data.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    }
}

