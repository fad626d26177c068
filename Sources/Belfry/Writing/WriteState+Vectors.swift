import Files
import Neighbors
import Shards
import Vectors

// The vectors of a collection that is written to: those that come, those that are no point's any more, and the room for them.
extension WriteState {
    /// Takes vectors of a point up, in the place of those that it has, and notes the rows that they will have in the tables.
    mutating func take(
        _ named: [String: PointVector], of slot: Slot, into rows: inout SpaceRows, _ vectors: inout NewVectors
    ) throws(BelfryError) {
        for (name, vector) in named {
            let space = try base.configuration.place(ofSpace: name)
            guard base.configuration.spaces[space].canHold(vector) else {
                throw .corrupt(
                    "The log has a vector that is none of the collection's \(base.configuration.spaces[space].title).",
                    at: .init(file: base.layout.log))
            }
            kill(slot, in: space)
            rows[space] = pending[0].vectors[space].table.count + vectors.count(in: space)
            vectors.append(vector, slot, to: space)
        }
    }

    /// What was read of the last payload, and the words in it: many points may be given the same text.
    typealias WordCache = [Int: (texts: [[JSON]], vector: SparseVector?)]

    /// Gives a point the vectors that its payload's words are, where they are others than before.
    /// - Throws: `invalidInput` where the words of a batch are too many.
    mutating func takeWords(
        of payload: String, insteadOf before: String?, of slot: Slot, into rows: inout SpaceRows,
        _ vectors: inout NewVectors, _ read: inout WordCache
    ) throws(BelfryError) {
        let (new, old) = (try Self.json(payload), try before.map { (text) throws(BelfryError) in try Self.json(text) })
        for (space, encoder) in base.wordEncoders.sorted(by: { $0.key < $1.key }) {
            let texts = encoder.texts(in: new)
            if let old, encoder.texts(in: old) == texts { continue }
            kill(slot, in: space)
            rows[space] = nil
            if read[space]?.texts != texts { read[space] = (texts, encoder.document(texts)) }
            guard let vector = read[space]?.vector else { continue }
            rows[space] = pending[0].vectors[space].table.count + vectors.count(in: space)
            vectors.append(.sparse(vector), slot, to: space)
            guard mostWords.map({ vectors.amounts[space].parts <= $0 }) ?? true else {
                throw BelfryError(
                    .invalidInput, "The payloads of the batch have more than \(WriteLimits.words) words to index.",
                    at: .init(file: base.path), remedy: "Write them in several batches.")
            }
        }
    }

    /// Does what a log says, whatever it may be.
    mutating func withoutLimits<Value>(
        _ body: (inout WriteState) throws(BelfryError) -> Value
    ) throws(BelfryError) -> Value {
        let limit = mostWords
        mostWords = nil
        defer { mostWords = limit }
        return try body(&self)
    }

    /// Notes that a point has other vectors now.
    /// - Parameter isOfBuild: whether those without a name, which builds make, are among them.
    mutating func changeVectors(_ id: PointID, _ point: KnownPoint, _ lsn: UInt64, isOfBuild: Bool) {
        var content = point.content
        // What a build knows of it is not what its vector is made of any more.
        if isOfBuild, content.source != nil { content.source = 0 }
        pending[0].put(point.slot, PendingPoint(id: id, version: lsn, content: content))
    }

    /// Whether batches with so many vectors in each space can be carried out on this table. An empty one takes any batch.
    func hasRoom(for amounts: [NewVectors.Amount]) -> Bool {
        pending[0].isUnused || pending[0].hasRoom(for: amounts)
    }

    /// Whether the tables have room for vectors that are to be published.
    func holds(_ vectors: NewVectors) -> Bool {
        zip(pending[0].vectors, vectors.amounts).allSatisfy { $0.table.hasRoom(for: $1) }
    }

    /// Gives tables that nothing was put into room for vectors that are to be published.
    mutating func enlarge(for vectors: NewVectors) {
        pending[0].enlarge(to: base.newTable(pending[0].vectors[0].number, beside: vectors.amounts).vectors)
    }

    /// Gives an unused table room for so many vectors in each space, beside the usual.
    mutating func makeRoom(for amounts: [NewVectors.Amount]) {
        pending[0] = base.newTable(pending[0].vectors[0].number, beside: amounts)
    }

    /// As ``makeRoom(for:)``, where nothing was written to the table.
    mutating func makeRoom(forAll operations: [LogOperation]) throws(BelfryError) {
        guard pending[0].isUnused else { return }
        makeRoom(for: try WriteBatch.amounts(operations, base.configuration))
    }

    /// Puts the vectors of the batches into the table, when nothing can fail any more.
    mutating func publish(_ vectors: NewVectors) {
        for (space, amount) in vectors.amounts.enumerated() {
            let taken = vectors.append(space, to: pending[0].vectors[space].table)
            precondition(taken == amount.vectors, "who applies a batch has made room for it")
        }
        pending[0].takeRows()
    }

    /// Notes that the vectors of a slot are no point's any more.
    mutating func killAll(_ slot: Slot) {
        for space in base.configuration.spaces.indices { kill(slot, in: space) }
    }

    /// Notes that the vector of a slot in a space, wherever it lies, is no point's any more.
    mutating func kill(_ slot: Slot, in space: Int) {
        for age in pending.indices {
            guard let point = pending[age][slot] else { continue }
            // In the table that is written to, the next version of the point says it.
            if age == 0 {
                if point.content?.rows[space] != nil { return }
            } else if let row = point.content?.rows[space] {
                pending[age].kill(row, in: space)
                return
            }
            if point.content == nil { return }
        }
        for place in segments.indices.reversed() where segments[place].segment.space == space {
            guard let row = segments[place].segment.slots.row(of: slot), !segments[place].isDead(row) else { continue }
            segments[place].kill(row)
            return
        }
    }
}
