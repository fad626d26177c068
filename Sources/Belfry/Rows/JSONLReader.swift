import Files
import Foundation

/// Reads one JSON object a line. Blank lines are no rows; every other line is a row or a problem, and no line can
/// spoil the next.
final class JSONLReader {
    enum Event {
        case object([String: JSON], line: Int)
        case problem(RowProblem)
    }

    private let path: String
    private let buffer: RecordBuffer
    private let limit: Int
    private var line = 0
    private var started = false

    init(_ input: TextInput, limit: Int, capacity: Int = RecordBuffer.usualCapacity) {
        path = input.path
        buffer = RecordBuffer(input, capacity: capacity)
        self.limit = limit
    }

    /// The next row or problem; nil at the end of the text.
    func next() throws(BelfryError) -> Event? {
        if !started {
            started = true
            try buffer.skipByteOrderMark()
        }
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
            return parse(bytes)
        }
        return nil
    }

    private func parse(_ bytes: UnsafeRawBufferPointer) -> Event {
        if let problem = bytes.problem(line: line) { return .problem(problem) }
        do throws(BelfryError) {
            let value = try JSON(parsing: bytes, source: path)
            if case .object(let members) = value { return .object(members, line: line) }
            return .problem(RowProblem(line: line, .json, "The row is JSON, but not an object in braces."))
        } catch {
            let place = error.location?.place.map { " (\($0) of the row)" } ?? ""
            return .problem(RowProblem(line: line, .json, error.message + place))
        }
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
}
