import Vectors

/// What an index knows of a condition: the slots for which it holds for certain, and those for which it may hold.
///
/// Where both are the same, nothing is left to be asked. What is certain is possible.
struct FieldAnswer {
    let certain: RowSet
    /// What is possible where that is more.
    private let more: RowSet?
    var possible: RowSet { more ?? certain }

    init(certain: RowSet, possible: RowSet) {
        self.certain = certain
        more = possible.count == certain.count ? nil : possible
    }

    /// An answer that leaves no doubt.
    init(exactly slots: RowSet) { (certain, more) = (slots, nil) }

    /// Whether it leaves no doubt.
    var isExact: Bool { more == nil }

    /// Nothing is known, but that it holds for no others than `slots`.
    static func unknown(among slots: RowSet) -> FieldAnswer {
        FieldAnswer(certain: RowSet(capacity: slots.capacity), possible: slots)
    }

    /// For which slots it is not known.
    var doubtful: RowSet { more?.subtracting(certain) ?? RowSet(capacity: certain.capacity) }

    /// Of `live` slots those for which it does not hold.
    func negated(in live: RowSet) -> FieldAnswer {
        isExact
            ? FieldAnswer(exactly: live.subtracting(certain))
            : FieldAnswer(certain: live.subtracting(possible), possible: live.subtracting(certain))
    }

    func intersection(_ other: FieldAnswer) -> FieldAnswer {
        let common = certain.intersection(other.certain)
        guard !isExact || !other.isExact else { return FieldAnswer(exactly: common) }
        return FieldAnswer(certain: common, possible: possible.intersection(other.possible))
    }

    func intersection(_ slots: RowSet) -> FieldAnswer { intersection(FieldAnswer(exactly: slots)) }

    func union(_ other: FieldAnswer) -> FieldAnswer {
        let all = certain.union(other.certain)
        guard !isExact || !other.isExact else { return FieldAnswer(exactly: all) }
        return FieldAnswer(certain: all, possible: possible.union(other.possible))
    }

    /// What two indexes of the same field know together.
    func agreeing(with other: FieldAnswer) -> FieldAnswer {
        FieldAnswer(certain: certain.union(other.certain), possible: possible.intersection(other.possible))
    }
}

extension RowSet {
    /// The rows that are in at least `least` of `sets`.
    ///
    /// 64 rows are counted at a time, bit `b` of their counts in a word of its own.
    static func inAtLeast(_ least: Int, of sets: [RowSet], capacity: Int) -> RowSet {
        guard least <= sets.count else { return RowSet(capacity: capacity) }
        let width = Int.bitWidth - sets.count.leadingZeroBitCount
        return RowSet(capacity: capacity) { index in
            withUnsafeTemporaryAllocation(of: UInt64.self, capacity: width) { counts in
                counts.initialize(repeating: 0)
                for set in sets {
                    var carry = set.word(index)
                    for bit in 0..<width where carry != 0 {
                        (counts[bit], carry) = (counts[bit] ^ carry, counts[bit] & carry)
                    }
                }
                var (more, same): (UInt64, UInt64) = (0, ~0)
                for bit in (0..<width).reversed() {
                    if least >> bit & 1 == 1 { same &= counts[bit] } else { more |= same & counts[bit] }
                    if least >> bit & 1 == 0 { same &= ~counts[bit] }
                }
                return more | same
            }
        }
    }
}
