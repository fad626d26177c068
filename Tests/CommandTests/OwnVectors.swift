import Files
import Foundation
import TestSupport

/// Vectors that somebody has, with the files that an engineer would have of them.
struct OwnVectors {
    let folder: String
    let vectors: [[Float]]
    var npy: String { "\(folder)/vectors.npy" }
    var rows: String { "\(folder)/rows.csv" }
    var collection: String { "\(folder)/own.belfry" }
    /// How many groups the vectors are in.
    static let groups = 25

    /// Vectors around some centers, written as f32 in C order, with a row for each: `p-7,group,price`.
    init(_ folder: String, count: Int, dimension: Int, random: inout SeededGenerator) throws {
        self.folder = folder
        let centers = (0..<Self.groups).map { _ in random.vector(dimension) }
        vectors = (0..<count).map { row in
            zip(centers[row % Self.groups], random.vector(dimension)).map { $0 + 0.4 * $1 }
        }
        try Self.array("<f4", vectors).writeAnew(to: npy)
        let lines = (0..<count).map { "p-\($0),group \($0 % Self.groups),\($0).5\n" }
        try Data(("sku,group,price\n" + lines.joined()).utf8).writeAnew(to: rows)
    }

    /// Makes the collection.
    func make(_ options: [String] = []) throws {
        let made = try BelfryProcess.run(
            ["import", npy, "--rows", rows, "--id", "sku", "--to", collection] + options)
        guard made.exitCode == 0 else { throw CocoaError(.fileReadUnknown, userInfo: ["errors": made.errors]) }
    }

    /// The rows of the nearest others of each row by cosine, and their similarities.
    func nearest(_ k: Int, among: (Int) -> Bool = { _ in true }) -> [[(row: Int, score: Double)]] {
        let lengths = vectors.map { $0.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot() }
        return vectors.indices.map { row in
            let scores = vectors.indices.filter { $0 != row && among($0) }.map { other in
                (
                    row: other,
                    score: zip(vectors[row], vectors[other]).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
                        / (lengths[row] * lengths[other])
                )
            }
            return Array(scores.sorted { ($0.score, $1.row) > ($1.score, $0.row) }.prefix(k))
        }
    }

    /// An npy file of rows, as numpy writes it.
    static func array(_ elements: String, _ rows: [[Float]], isFortran: Bool = false) -> Data {
        let (count, width) = (rows.count, rows.first?.count ?? 0)
        var data = header(
            "{'descr': '\(elements)', 'fortran_order': \(isFortran ? "True" : "False"), 'shape': (\(count), \(width)), }"
        )
        func add<Number>(_ number: Number) { withUnsafeBytes(of: number) { data.append(contentsOf: $0) } }
        for place in 0..<count * width {
            let value =
                isFortran ? rows[place % count][place / count] : rows[place / width][place % width]
            switch elements {
            case "<f2": add(Float16(value))
            case "<f8": add(Double(value))
            case "|i1": add(Int8(value))
            default: add(value)
            }
        }
        return data
    }

    /// The head of an npy file.
    static func header(_ dictionary: String) -> Data {
        var text = Array(dictionary.utf8)
        text += [UInt8](repeating: 32, count: 117 - text.count) + [10]
        return Data([0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(text.count), 0] + text)
    }
}
