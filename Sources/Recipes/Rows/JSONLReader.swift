import Files
import Foundation

/// Reads one JSON object a line, or the objects of a file that is one JSON array.
///
/// 1. Blank lines are no rows; every other line is a row or a problem, and no line can spoil the next.
/// 2. A file whose first character is `[` is one array, however its lines are broken: each element is a row or a
///    problem. An array that is not closed, or that text follows, is an error of the whole file: where its elements end
///    would be guessing.
final class JSONLReader {
    enum Event {
        case object(JSON.Members, line: Int)
        case problem(RowProblem)
    }

    private enum Mode {
        case start, lines, firstElement, elements, end
    }

    private let path: String
    private let buffer: RecordBuffer
    private let limit: Int
    /// How many lines have been read, or have been left behind in an array.
    private var line = 0
    private var mode = Mode.start

    init(_ input: TextInput, limit: Int, capacity: Int = RecordBuffer.defaultCapacity) {
        path = input.path
        buffer = RecordBuffer(input, capacity: capacity)
        self.limit = limit
    }

    /// The next row or problem; nil at the end of the text.
    func next() throws(BelfryError) -> Event? {
        if mode == .start {
            try buffer.skipByteOrderMark()
            try skipSpace()
            mode = buffer.bytes.first == UInt8(ascii: "[") ? .firstElement : .lines
            if mode == .firstElement { buffer.consume(1) }
        }
        switch mode {
        case .start, .end: return nil
        case .lines: return try nextLine()
        case .firstElement, .elements: return try nextElement()
        }
    }

    private func parse(_ bytes: UnsafeRawBufferPointer, line: Int) -> Event {
        if let problem = bytes.problem(line: line) { return .problem(problem) }
        do throws(BelfryError) {
            let value = try JSON(parsing: bytes, source: path)
            guard case .object(let members) = value else {
                return .problem(RowProblem(line: line, .json, "The row is JSON, but not an object in braces."))
            }
            // Escapes are the only way to write the character, and few rows have such.
            if bytes.hasZeroEscape, value.hasZero {
                return .problem(
                    RowProblem(line: line, .zeroByte, "A text of the row has the character U+0000 (\\u0000)."))
            }
            return .object(members, line: line)
        } catch {
            let place = error.location?.place.map { " (\($0) of the row)" } ?? ""
            return .problem(RowProblem(line: line, .json, error.message + place))
        }
    }

    // MARK: lines

    private func nextLine() throws(BelfryError) -> Event? {
        while let length = try findLine() {
            line += 1
            guard length <= limit else {
                try skipLine()
                return .problem(RowProblem(line: line, .length, "The row has more than \(limit) bytes."))
            }
            let bytes = UnsafeRawBufferPointer(rebasing: buffer.bytes[0..<length])
            // The line end, if there is one, goes with the line.
            defer { buffer.consume(min(length + 1, buffer.bytes.count)) }
            if bytes.allSatisfy({ $0 == 32 || $0 == 9 || $0 == 13 }) { continue }
            return parse(bytes, line: line)
        }
        return nil
    }

    /// The length of the next line without its end; nil at the end of the text. A line that is too long is not read
    /// to its end.
    private func findLine() throws(BelfryError) -> Int? {
        var searched = 0
        while true {
            let bytes = buffer.bytes
            if let start = bytes.baseAddress, let end = memchr(start + searched, 10, bytes.count - searched) {
                return UnsafeRawPointer(end) - start
            }
            searched = bytes.count
            if searched > limit { return searched }
            if try !buffer.refill() { return bytes.isEmpty ? nil : searched }
        }
    }

    private func skipLine() throws(BelfryError) {
        while true {
            let bytes = buffer.bytes
            if let end = bytes.firstIndex(of: 10) { return buffer.consume(end + 1) }
            buffer.consume(bytes.count)
            guard try buffer.refill() else { return }
        }
    }

    // MARK: an array

    private func nextElement() throws(BelfryError) -> Event? {
        try skipSpace()
        if buffer.bytes.first == UInt8(ascii: "]") {
            buffer.consume(1)
            try skipSpace()
            guard buffer.bytes.isEmpty else { throw wrongArray("More text follows the JSON array.") }
            mode = .end
            return nil
        }
        if mode == .elements {
            guard buffer.bytes.first == UInt8(ascii: ",") else {
                throw wrongArray("The JSON array lacks a comma, or it is not closed.")
            }
            buffer.consume(1)
            try skipSpace()
        }
        mode = .elements
        let length = try findElementEnd()
        guard length > 0 else { throw wrongArray("The JSON array lacks an element before a comma or its end.") }
        guard length <= limit else { throw tooLong }
        let bytes = UnsafeRawBufferPointer(rebasing: buffer.bytes[0..<length])
        defer {
            line += bytes.count { $0 == 10 }
            buffer.consume(length)
        }
        return parse(bytes, line: line + 1)
    }

    /// The length of the element that begins here, with the space behind it: up to a comma or bracket that is not its own.
    private func findElementEnd() throws(BelfryError) -> Int {
        var (index, depth, isInText) = (0, 0, false)
        while true {
            let bytes = buffer.bytes
            while index < bytes.count {
                let byte = bytes[index]
                if isInText {
                    if byte == UInt8(ascii: "\\") { index += 1 }
                    if byte == UInt8(ascii: "\"") { isInText = false }
                } else if byte == UInt8(ascii: "\"") {
                    isInText = true
                } else if byte == UInt8(ascii: "[") || byte == UInt8(ascii: "{") {
                    depth += 1
                } else if byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}") {
                    if depth == 0 { return index }
                    depth -= 1
                } else if byte == UInt8(ascii: ","), depth == 0 {
                    return index
                }
                index += 1
            }
            guard index <= limit else { throw tooLong }
            guard try buffer.refill() else { throw wrongArray("The JSON array is not closed: its element never ends.") }
        }
    }

    /// Moves to the next character that is no space, over any number of lines.
    private func skipSpace() throws(BelfryError) {
        while true {
            let bytes = buffer.bytes
            let space = bytes.prefix { $0 == 32 || $0 == 9 || $0 == 10 || $0 == 13 }
            line += space.count { $0 == 10 }
            let isMore = space.count == bytes.count
            buffer.consume(space.count)
            guard isMore, try buffer.refill() else { return }
        }
    }

    private var tooLong: BelfryError { wrongArray("The element that starts here has more than \(limit) bytes.") }

    private func wrongArray(_ message: String) -> BelfryError {
        BelfryError(
            .invalidInput, message, at: .line(line + 1, of: path),
            remedy: "Write it again, or one object a line: jq -c '.[]' rows.json > rows.jsonl")
    }
}

extension UnsafeRawBufferPointer {
    /// Whether the bytes hold `\u0000`, be it an escape or not.
    fileprivate var hasZeroEscape: Bool {
        guard let start = baseAddress else { return false }
        var index = 0
        while let found = memchr(start + index, 0x5c, count - index) {
            index = UnsafeRawPointer(found) - start + 1
            if count - index >= 5, memcmp(start + index, "u0000", 5) == 0 { return true }
        }
        return false
    }
}
