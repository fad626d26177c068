public import Files
import Foundation

/// A vector of which only some components are written down: weights of terms, most of which a text does not have.
///
/// What is not written down is zero. A component that is written down as zero counts as there: two vectors that share an
/// index are candidates for each other, whatever their product.
public struct SparseVector: Equatable, Sendable {
    /// Which components are written down, strictly ascending.
    public let indices: [UInt32]
    /// Their values, finite: `values[i]` is component `indices[i]`.
    public let values: [Float]

    /// The vector without components.
    public init() { (indices, values) = ([], []) }

    /// A vector of components in any order; it sorts them.
    /// - Throws: `invalidInput` for another number of values than of indices, an index that is there twice, NaN or an
    ///   infinite value.
    public init(indices: [UInt32], values: [Float]) throws(BelfryError) {
        guard indices.count == values.count else {
            throw BelfryError(
                .invalidInput, "A sparse vector has \(indices.count) indices and \(values.count) values.",
                remedy: "Give one value for each index.")
        }
        if let place = values.firstIndex(where: { !$0.isFinite }) {
            throw BelfryError(
                .invalidInput, "A sparse vector has \(values[place]) at index \(indices[place]).",
                remedy: "Every value must be a finite number: look at what made this vector.")
        }
        if zip(indices, indices.dropFirst()).allSatisfy({ $0 < $1 }) {
            (self.indices, self.values) = (indices, values)
            return
        }
        // An index and its place in one number sort faster than two arrays.
        var order = indices.enumerated().map { UInt64($1) << 32 | UInt64($0) }
        order.sort()
        for (one, next) in zip(order, order.dropFirst()) where one >> 32 == next >> 32 {
            throw BelfryError(
                .invalidInput, "A sparse vector has index \(one >> 32) twice.",
                remedy: "Give each index once: add up its values, or keep one of them.")
        }
        self.indices = order.map { UInt32($0 >> 32) }
        self.values = order.map { values[Int($0 & 0xffff_ffff)] }
    }

    /// Components that are known to be in order and finite: those of a file that was verified.
    package init(sorted indices: [UInt32], values: [Float]) { (self.indices, self.values) = (indices, values) }

    /// How many components are written down.
    public var count: Int { indices.count }

    /// The dot product: products in f32, added in f32 in the order of the indices.
    ///
    /// Every search adds the same numbers in the same order, so that its scores are equal to this to the bit.
    public func dot(_ other: SparseVector) -> Float {
        var (sum, left, right) = (Float(0), 0, 0)
        while left < indices.count, right < other.indices.count {
            if indices[left] == other.indices[right] {
                sum += values[left] * other.values[right]
                left += 1
                right += 1
            } else if indices[left] < other.indices[right] {
                left += 1
            } else {
                right += 1
            }
        }
        return sum
    }
}

extension SparseVector {
    /// How much a term says by being there: ln((N − df + 0.5) / (df + 0.5) + 1), as BM25 and Qdrant's modifier `idf` weigh
    /// it. Never below zero.
    /// - Parameters:
    ///   - documents: N, how many rows there are.
    ///   - frequency: df, how many of them have the term.
    public static func idf(documents: Int, frequency: Int) -> Float {
        precondition(frequency >= 0 && frequency <= documents, "\(frequency) of \(documents) rows")
        let (all, with) = (Double(documents), Double(frequency))
        return Float(log((all - with + 0.5) / (with + 0.5) + 1))
    }
}
