import Neighbors
import Shards
import Vectors

/// Vectors of batches that are not certain yet, space by space, and their slots. A table has no way back: they come into it
/// when the log has them.
struct NewVectors {
    /// How much there is of one space.
    struct Amount: Equatable {
        var vectors = 0
        /// Terms of sparse vectors, or vectors where a point has several, all together.
        var parts = 0

        static func + (first: Amount, second: Amount) -> Amount {
            Amount(vectors: first.vectors + second.vectors, parts: first.parts + second.parts)
        }
    }

    private struct OfSpace {
        var amount = Amount()
        var slots: [Slot] = []
        /// Of dense vectors, one behind the other.
        var components: [Float] = []
        var sparse: [SparseVector] = []
        var multi: [[[Float]]] = []
    }

    private var spaces: [OfSpace]

    /// None, in so many spaces.
    init(spaces count: Int) { spaces = [OfSpace](repeating: OfSpace(), count: count) }

    /// How much there is of each space.
    var amounts: [Amount] { spaces.map(\.amount) }

    func count(in space: Int) -> Int { spaces[space].amount.vectors }

    mutating func append(_ vector: PointVector, _ slot: Slot, to space: Int) {
        spaces[space].slots.append(slot)
        spaces[space].amount = spaces[space].amount + vector.amount
        switch vector {
        case .dense(let components): spaces[space].components += components
        case .sparse(let vector): spaces[space].sparse.append(vector)
        case .multi(let vectors): spaces[space].multi.append(vectors)
        }
    }

    /// Drops all but what there was: a batch that brought the others is not carried out.
    mutating func keep(_ amounts: [Amount]) {
        for (space, amount) in amounts.enumerated() where amount.vectors < spaces[space].amount.vectors {
            let (all, dropped) = (spaces[space].slots.count, spaces[space].slots.count - amount.vectors)
            spaces[space].components.removeLast(spaces[space].components.count / all * dropped)
            spaces[space].sparse.removeLast(spaces[space].sparse.isEmpty ? 0 : dropped)
            spaces[space].multi.removeLast(spaces[space].multi.isEmpty ? 0 : dropped)
            spaces[space].slots.removeLast(dropped)
            spaces[space].amount = amount
        }
    }

    /// Appends those of a space to its table. Returns how many it took.
    func append(_ space: Int, to table: PendingTable) -> Int {
        let new = spaces[space]
        switch table {
        case .sparse(let table): return table.append(new.sparse, tags: new.slots)
        case .multi(let table): return table.append(new.multi, tags: new.slots)
        case .dense(let table):
            return new.components.withUnsafeBufferPointer { components in
                new.slots.withUnsafeBufferPointer { slots in
                    guard let first = components.baseAddress else { return 0 }
                    return table.append(first, tags: slots.baseAddress, count: slots.count)
                }
            }
        }
    }
}

extension PointVector {
    /// What it is in a table.
    var amount: NewVectors.Amount {
        switch self {
        case .dense: .init(vectors: 1)
        case .sparse(let vector): .init(vectors: 1, parts: vector.count)
        case .multi(let vectors): .init(vectors: 1, parts: vectors.count)
        }
    }
}
