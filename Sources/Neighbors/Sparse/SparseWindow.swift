import Vectors

/// The scores of the rows of one window, and the ways to find the best of them. The steps are told at ``SparseSearcher``.
///
/// Between searches all scores are zero and no row is marked.
final class SparseWindow {
    /// For comparison: false adds up all lists of all windows.
    var prunes = true
    private let scores: UnsafeMutablePointer<Float>
    /// Which rows have a score, by `addUp`.
    private let marks: UnsafeMutablePointer<UInt64>
    /// Which rows the filter keeps.
    private let kept: UnsafeMutablePointer<UInt64>
    private let candidates: UnsafeMutablePointer<UInt16>
    private let capacity: Int
    /// What the terms can still change, from each place in the order on, the last one first.
    private var rest: [Float] = []
    /// A distance within which there are at least k rows; infinite where none is known.
    private var ceiling = Float.infinity

    /// To look a row up in a list takes as long as to add up so many postings: most of it is waiting for memory.
    private static let lookupCost = 40
    /// To look through so many scores takes as long as to add up one posting.
    private static let scoresPerPosting = 8

    /// Room for `rows` rows, 65,536 at the most.
    init(rows: Int) {
        // Whole vectors of 16 scores, whole words of 64 rows.
        capacity = max(64, (rows + 63) / 64 * 64)
        scores = .allocate(capacity: capacity)
        scores.initialize(repeating: 0, count: capacity)
        marks = .allocate(capacity: capacity / 64)
        marks.initialize(repeating: 0, count: capacity / 64)
        kept = .allocate(capacity: capacity / 64)
        kept.initialize(repeating: ~0, count: capacity / 64)
        candidates = .allocate(capacity: capacity)
    }

    deinit {
        scores.deallocate()
        marks.deallocate()
        kept.deallocate()
        candidates.deallocate()
    }

    /// Begins another search.
    func begin() { ceiling = .infinity }

    /// Offers what may be among the nearest of `rows`.
    /// - Parameters:
    ///   - terms: the query's, which have entered the window, by ascending index.
    ///   - order: the places of the terms in the order in which they are best added up.
    ///   - margin: by how much scores may be off that are added up in another order; nil lets nothing be left out.
    func search(
        _ terms: UnsafeMutableBufferPointer<QueryTerm>, _ order: UnsafeBufferPointer<Int>, _ rows: Range<Int>,
        _ margin: Float?, _ filter: RowFilter?, _ top: inout TopK
    ) {
        var (postings, reach, lookups) = (0, Float(0), 0)
        for term in terms where term.count > 0 {
            postings += term.count
            reach += term.reach
            lookups += Self.lookupCost
        }
        guard postings > 0 else { return }
        let left = keep(filter, rows)
        let areFew = left * lookups < postings
        if let margin, postings > rows.count / Self.scoresPerPosting {
            if ceiling == .infinity, !areFew, top.count < top.k, top.k < postings / lookups / 4 {
                ceiling = ceiling(of: top.k, terms, order, rows)
            }
            // Below zero there could be answers that no list has brought.
            let bar = bar(top, margin)
            if bar > 0 {
                guard reach >= bar || !prunes else { return }
                return prune(terms, order, rows, margin, areFew ? 0 : postings, &top)
            }
        }
        if areFew { lookUp(terms, rows, &top) } else { addUp(terms, rows, &top) }
    }

    // MARK: three ways

    /// Looks each row that is kept up in all lists.
    private func lookUp(_ terms: UnsafeMutableBufferPointer<QueryTerm>, _ rows: Range<Int>, _ top: inout TopK) {
        for candidate in 0..<listKept(rows) { offer(candidates[candidate], terms, rows.lowerBound, &top) }
    }

    /// Adds all lists up, term by term, and offers all rows that have a score.
    private func addUp(_ terms: UnsafeMutableBufferPointer<QueryTerm>, _ rows: Range<Int>, _ top: inout TopK) {
        let (scores, marks, kept) = (scores, marks, kept)
        for term in terms { term.add(to: scores, marking: marks) }
        var threshold = top.threshold
        for word in 0..<(rows.count + 63) / 64 {
            var left = marks[word]
            marks[word] = 0
            while left != 0 {
                let bit = left.trailingZeroBitCount
                let place = 64 * word + bit
                left &= left - 1
                let distance = -scores[place]
                scores[place] = 0
                guard distance <= threshold, kept[word] >> UInt64(bit) & 1 != 0 else { continue }
                top.offer(UInt32(rows.lowerBound + place), distance)
                threshold = top.threshold
            }
        }
    }

    /// Adds lists up until few rows can still be answers, and looks these up in the others.
    /// - Parameter postings: those of the window; 0 if the rows that are kept are few.
    private func prune(
        _ terms: UnsafeMutableBufferPointer<QueryTerm>, _ order: UnsafeBufferPointer<Int>, _ rows: Range<Int>,
        _ margin: Float, _ postings: Int, _ top: inout TopK
    ) {
        let (scores, last, scanned) = (scores, order.count, (rows.count + 15) / 16 * 16)
        rest.removeAll(keepingCapacity: true)
        rest.append(0)
        for place in order.reversed() { rest.append(rest[rest.count - 1] + terms[place].reach) }
        var (bar, added, left) = (bar(top, margin), 0, postings)
        var found = postings == 0 ? listKept(rows) : nil
        while found == nil, added < last {
            let term = terms[order[added]]
            // With less than that a row that has no score yet cannot be an answer.
            if rest[last - added] < bar, term.count * Self.scoresPerPosting >= scanned, prunes {
                found = collect(from: bar - rest[last - added], scanned, left / (Self.lookupCost * (last - added)))
                if found != nil { break }
            }
            term.add(to: scores)
            left -= term.count
            added += 1
        }
        for candidate in 0..<(found ?? collect(from: bar, scanned, capacity)!) {
            let place = candidates[candidate]
            guard isKept(place) else { continue }
            var (score, next) = (scores[Int(place)], added)
            while next < last, score + rest[last - next] >= bar {
                score += terms[order[next]].product(of: place)
                next += 1
            }
            guard next == last, score >= bar else { continue }
            offer(place, terms, rows.lowerBound, &top)
            bar = self.bar(top, margin)
        }
        if added > 0 { scores.update(repeating: 0, count: scanned) }
    }

    /// A distance within which there are at least `k` rows of the window: those that look best by the lists that say the
    /// most. Infinite where there are none.
    private func ceiling(
        of k: Int, _ terms: UnsafeMutableBufferPointer<QueryTerm>, _ order: UnsafeBufferPointer<Int>, _ rows: Range<Int>
    ) -> Float {
        let (scores, scanned) = (scores, (rows.count + 15) / 16 * 16)
        var added = 0
        for place in order where added < max(8 * k, rows.count / Self.scoresPerPosting) {
            terms[place].add(to: scores)
            added += terms[place].count
        }
        var best = TopK(2 * k)
        for place in 0..<rows.count where scores[place] > 0 && isKept(UInt16(place)) {
            best.offer(UInt32(place), -scores[place])
        }
        scores.update(repeating: 0, count: scanned)
        var top = TopK(k)
        for neighbor in best.sorted { offer(UInt16(neighbor.row), terms, rows.lowerBound, &top) }
        return top.threshold
    }

    // MARK: parts

    /// What a row must score to be an answer.
    private func bar(_ top: TopK, _ margin: Float) -> Float { -min(top.threshold, ceiling) - margin }

    /// Scores one row in the order of the terms, and offers it if it shares one with the query.
    @inline(__always)
    private func offer(
        _ place: UInt16, _ terms: UnsafeMutableBufferPointer<QueryTerm>, _ firstRow: Int, _ top: inout TopK
    ) {
        var (score, isShared) = (Float(0), false)
        for term in terms.indices {
            guard let posting = terms[term].posting(of: place) else { continue }
            score += terms[term].factor * terms[term].weights[posting]
            isShared = true
        }
        if isShared { top.offer(UInt32(firstRow + Int(place)), -score) }
    }

    /// Lists the rows whose scores reach a bar above zero, and returns how many; nil if there are more than `limit`.
    private func collect(from bar: Float, _ scanned: Int, _ limit: Int) -> Int? {
        let (scores, candidates) = (scores, candidates)
        var found = 0
        let bars = SIMD16<Float>(repeating: bar)
        for first in stride(from: 0, to: scanned, by: 16) {
            let some = UnsafeRawPointer(scores + first).loadUnaligned(as: SIMD16<Float>.self)
            guard any(some .>= bars) else { continue }
            for place in first..<first + 16 where scores[place] >= bar {
                candidates[found] = UInt16(place)
                found += 1
            }
            if found > limit { return nil }
        }
        return found
    }

    /// Notes which rows a filter keeps, and returns how many.
    private func keep(_ filter: RowFilter?, _ rows: Range<Int>) -> Int {
        let first = rows.lowerBound / 64
        var left = 0
        for word in 0..<(rows.count + 63) / 64 {
            var bits = ~UInt64(0)
            if let filter { bits = first + word < filter.rows.words.count ? filter.rows.words[first + word] : 0 }
            if rows.count - 64 * word < 64 { bits &= 1 << UInt64(rows.count - 64 * word) - 1 }
            kept[word] = bits
            left += bits.nonzeroBitCount
        }
        return left
    }

    /// Lists the rows that are kept, and returns how many.
    private func listKept(_ rows: Range<Int>) -> Int {
        var found = 0
        for word in 0..<(rows.count + 63) / 64 {
            var left = kept[word]
            while left != 0 {
                candidates[found] = UInt16(64 * word + left.trailingZeroBitCount)
                found += 1
                left &= left - 1
            }
        }
        return found
    }

    @inline(__always)
    private func isKept(_ place: UInt16) -> Bool { kept[Int(place) >> 6] >> UInt64(place & 63) & 1 != 0 }
}
