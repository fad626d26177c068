import Belfry
import Files
import Foundation
import Vectors

/// Vectors to search for, from a file: one, or one in each row.
struct QueryVectors {
    /// The vectors, a row each.
    let rows: Matrix
    private let path: String

    /// Whether a text names such a file: vectors as JSON begin with a bracket.
    static func isFile(_ text: String) -> Bool {
        [".npy", ".fvecs", ".bvecs"].contains { text.lowercased().hasSuffix($0) }
    }

    /// Reads a file.
    init(_ path: String) throws(BelfryError) {
        self.path = path
        if path.lowercased().hasSuffix(".npy"), case let array = try NpyArray(path), array.shape.count == 1,
            array.count > 0
        {
            rows = Matrix([array.floats()])
        } else {
            rows = try VectorFile(path).matrix()
        }
    }

    /// Refuses vectors that are not like those of a space.
    /// - Throws: `invalidInput` with file and row.
    func require(_ space: VectorSpace, at collection: String) throws(BelfryError) {
        guard space.kind == .dense else {
            throw BelfryError(
                .invalidInput, "The \(space.title) are \(space.kind.rawValue), and rows of a file are not.",
                at: .init(file: collection), remedy: "Name dense ones with --using, or give a vector as JSON.")
        }
        let check = VectorCheck(dimension: space.dimension, metric: space.metric)
        for row in 0..<rows.rows {
            try check.check(UnsafeBufferPointer(rows.row(row)), "Row \(row)", at: .init(file: path))
        }
    }
}
