import Files

/// Texts that mean that nothing is there: programs write `NA` or `NULL` into cells that are empty.
struct MissingTexts {
    private let texts: [[UInt8]]

    /// Nil where there are none.
    init?(_ texts: [String]) {
        guard !texts.isEmpty else { return nil }
        self.texts = texts.map { Array($0.utf8) }
    }

    /// The record with empty cells for them.
    func leftOut(of record: CSVReader.Record) -> CSVReader.Record {
        var kept = CSVReader.Record(line: record.line, text: [], ends: [])
        kept.text.reserveCapacity(record.text.count)
        kept.ends.reserveCapacity(record.ends.count)
        var start = 0
        for end in record.ends {
            let cell = record.text[start..<end]
            if !texts.contains(where: { $0.count == cell.count && cell.elementsEqual($0) }) {
                kept.text.append(contentsOf: cell)
            }
            kept.ends.append(kept.text.count)
            start = end
        }
        return kept
    }

    /// The fields without those that are such a text.
    func leftOut(of members: JSON.Members) -> JSON.Members {
        var kept = members
        for (name, value) in members.sorted {
            if let text = value.string, texts.contains(where: { text.utf8.elementsEqual($0) }) { kept[name] = nil }
        }
        return kept
    }
}
