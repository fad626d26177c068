import Files

/// Reads delimited text record by record (RFC 4180), byte by byte: no byte of a UTF-8 sequence looks like a delimiter,
/// a quote or a line end.
///
/// 1. A field that begins with a quote goes on to its closing quote, over delimiters and line ends; two quotes inside
///    it are one. A quote in the middle of a field that does not begin with one is an ordinary character (`5" pipe`).
/// 2. A record ends with LF, CRLF or CR, or with the text. A line without a byte is no record.
/// 3. A record with text after a closing quote, with a zero byte or with bytes that are not UTF-8 is a problem;
///    reading goes on behind it. The same holds for TSV.
/// 4. A quoted field that the text never closes is a problem that says where it begins. Everything behind it was read
///    as its text: taking those lines for rows would be guessing.
///
/// What it does not do: escapes by backslash, comments, trimming of spaces.
final class CSVReader {
    /// One record: the fields' text without quotes one behind the other, and where each ends.
    struct Record {
        var line: Int
        var text: [UInt8]
        var ends: [Int]
    }

    enum Event {
        case record(Record)
        case problem(RowProblem)
    }

    private enum State {
        case fieldStart, plain, quoted, afterQuote
    }

    private let path: String
    private let buffer: RecordBuffer
    private let delimiter: UInt8
    private let limit: Int
    /// The line on which the next record starts.
    private var line = 1
    private var started = false
    /// The last record ended with CR: an LF that follows belongs to it.
    private var afterReturn = false
    /// The last record's sizes, which the next one's are likely to be near.
    private var (likelyBytes, likelyFields) = (256, 16)

    init(_ input: TextInput, delimiter: UInt8, limit: Int, capacity: Int = RecordBuffer.defaultCapacity) {
        path = input.path
        buffer = RecordBuffer(input, capacity: capacity)
        self.delimiter = delimiter
        self.limit = limit
    }

    /// The next record or problem; nil at the end of the text.
    func next() throws(BelfryError) -> Event? {
        guard try findRecord() else { return nil }
        var record = Record(line: line, text: [], ends: [])
        record.text.reserveCapacity(likelyBytes)
        record.ends.reserveCapacity(likelyFields)
        var problem: RowProblem?
        var state = State.fieldStart
        var bytes = buffer.bytes
        // The next byte, the first byte that is not in the record's text yet, and where the open quote stands.
        var (index, copied) = (0, 0)
        var quoteLine: Int?
        var ended = false
        while !ended {
            guard index < bytes.count else {
                guard index <= limit else { throw tooLong(quoteLine, from: record.line) }
                let more = try buffer.refill()
                bytes = buffer.bytes
                if more { continue }
                if state == .quoted {
                    problem = problem ?? unclosed(from: record, quoteLine: quoteLine ?? line)
                } else if state != .afterQuote {
                    record.text.append(contentsOf: bytes[copied..<index])
                }
                break
            }
            let byte = bytes[index]
            switch state {
            case .quoted:
                if byte == UInt8(ascii: "\"") {
                    record.text.append(contentsOf: bytes[copied..<index])
                    state = .afterQuote
                } else if byte == 10 || byte == 13 {
                    countLine(byte, previous: bytes[index - 1])
                }
                index += 1
            case .afterQuote where byte == UInt8(ascii: "\""):
                // Two quotes: the second one is text.
                copied = index
                state = .quoted
                index += 1
            case .fieldStart where byte == UInt8(ascii: "\""):
                quoteLine = line
                copied = index + 1
                state = .quoted
                index += 1
            default:
                if byte == delimiter || byte == 10 || byte == 13 {
                    if state != .afterQuote { record.text.append(contentsOf: bytes[copied..<index]) }
                    index += 1
                    copied = index
                    if byte == delimiter {
                        record.ends.append(record.text.count)
                        state = .fieldStart
                    } else {
                        line += 1
                        afterReturn = byte == 13
                        ended = true
                    }
                    continue
                }
                if state == .afterQuote {
                    problem =
                        problem
                        ?? RowProblem(
                            line: record.line, .quote,
                            "Text follows the closing quote of column \(record.ends.count + 1) (line \(line), byte \(index) "
                                + "of the row): a quote inside a quoted field is written twice.")
                    copied = index
                }
                state = .plain
                index += 1
            }
        }
        guard index <= limit else { throw tooLong(quoteLine, from: record.line) }
        record.ends.append(record.text.count)
        (likelyBytes, likelyFields) = (record.text.count, record.ends.count)
        defer { buffer.consume(index) }
        let whole = UnsafeRawBufferPointer(rebasing: bytes[0..<index])
        if let problem = problem ?? whole.problem(line: record.line) { return .problem(problem) }
        return .record(record)
    }

    /// Moves to the first byte of the next record, over empty lines; false at the end of the text.
    private func findRecord() throws(BelfryError) -> Bool {
        if !started {
            started = true
            try buffer.skipByteOrderMark()
        }
        while true {
            if buffer.bytes.isEmpty, try !buffer.refill() { return false }
            let byte = buffer.bytes[0]
            if byte == 10 && afterReturn {
                afterReturn = false
            } else if byte == 10 || byte == 13 {
                line += 1
                afterReturn = byte == 13
            } else {
                afterReturn = false
                return true
            }
            buffer.consume(1)
        }
    }

    /// Counts a line end inside quotes: LF, CRLF and CR are one each.
    private func countLine(_ byte: UInt8, previous: UInt8) {
        if byte == 13 || previous != 13 { line += 1 }
    }

    private func unclosed(from record: Record, quoteLine: Int) -> RowProblem {
        RowProblem(
            line: record.line, .quote,
            "The quote that opens column \(record.ends.count + 1) on line \(quoteLine) is never closed: everything up to "
                + "the end of the file (line \(line)) was read as its text.")
    }

    private func tooLong(_ quoteLine: Int?, from start: Int) -> BelfryError {
        BelfryError(
            .invalidInput, "The row that starts here has more than \(limit) bytes.", at: .line(start, of: path),
            remedy: quoteLine.map { "The quote that opens on line \($0) may not be closed where it should be." })
    }
}
