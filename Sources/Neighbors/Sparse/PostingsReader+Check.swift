package import Files
package import Shards

extension PostingsList {
    /// Whether a search can trust the list: runs and rows in order and below `rows`, weights that are numbers, and bounds
    /// that are those of the weights.
    func isSound(rows: Int) -> Bool {
        var window = -1
        for run in 0..<runCount {
            let (first, end) = (Int(runs[run].first), end(ofRun: run))
            guard Int(runs[run].window) > window, run > 0 || first == 0, first < end, end <= count else { return false }
            window = Int(runs[run].window)
            // What is not finite is larger than any bound that is.
            var largest: Float = 0
            for place in first..<end {
                largest = weights[place].magnitude <= largest ? largest : weights[place].magnitude
            }
            guard largest == runs[run].bound, largest.isFinite else { return false }
            var isAscending = true
            for place in first + 1..<end { isAscending = isAscending && places[place - 1] < places[place] }
            let last = Int(places[end - 1])
            guard isAscending, last < PostingsFormat.windowRows, window << PostingsFormat.windowShift + last < rows
            else { return false }
        }
        return true
    }
}

extension PostingsReader {
    /// Reads every byte of the file and returns all that is wrong, each with its byte offset.
    package func check() -> [BelfryError] {
        var found = file.problems()
        for place in 0..<termCount {
            do throws(BelfryError) {
                _ = try list(place)
            } catch {
                found.append(error)
            }
        }
        return found
    }

    /// Reads every byte of both files and returns all that is wrong, also where the postings are not those of the rows.
    ///
    /// Takes eight bytes of memory per term.
    package func check(against sparse: SparseReader) -> [BelfryError] {
        let found = sparse.check() + check()
        guard found.isEmpty else { return found }
        do throws(BelfryError) {
            return try difference(from: sparse).map {
                [.corrupt("The postings are not those of “\(sparse.path)”: \($0).", at: .init(file: path))]
            } ?? []
        } catch {
            return [error]
        }
    }

    /// The first difference: each component of each row must be the next posting of its term.
    private func difference(from sparse: SparseReader) throws(BelfryError) -> String? {
        guard sparse.rowCount == rowCount else { return "\(rowCount) rows instead of \(sparse.rowCount)" }
        let (table, row) = (TermTable(), SparseComponents())
        for place in 0..<termCount { _ = table.insert(term(place)) }
        var next = [(posting: Int, run: Int)](repeating: (0, 0), count: termCount)
        var seen = 0
        for number in 0..<rowCount {
            try sparse.read(number, into: row)
            seen += row.count
            for component in 0..<row.count {
                let term = row.indices[component]
                guard let place = table.place(of: term) else { return "term \(term) of row \(number) is missing" }
                let list = try list(place)
                var (posting, run) = next[place]
                guard posting < list.count else { return "term \(term) has too few rows" }
                if posting == list.end(ofRun: run) { run += 1 }
                let found = Int(list.runs[run].window) << PostingsFormat.windowShift + Int(list.places[posting])
                guard found == number, list.weights[posting].bitPattern == row.values[component].bitPattern else {
                    return "term \(term) has row \(found) where row \(number) is due, or another weight"
                }
                next[place] = (posting + 1, run)
            }
        }
        return seen == postingCount ? nil : "\(postingCount) postings instead of \(seen)"
    }
}
