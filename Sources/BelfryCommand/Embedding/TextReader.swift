import Files
import Recipes

/// The texts that `embed` reads: lines of a text file or of standard input, or one field of rows.
struct TextReader {
    private enum Source {
        case lines(LineReader)
        case rows(RowReader, Column)
    }

    private let source: Source
    private let field: String

    init(_ path: String?, field: String) throws(BelfryError) {
        self.field = field
        guard let path, path != "-", (try? RowFormat(path: path)) != nil else {
            source = .lines(LineReader(try TextInput(path ?? "-")))
            return
        }
        let rows = try RowReader(path)
        source = .rows(rows, try rows.column(ColumnReference(option: field)))
    }

    /// All texts of a file that are not blank: what somebody may ask.
    /// - Throws: `invalidInput` where there is none.
    static func queries(_ path: String, field: String) throws(BelfryError) -> [String] {
        let reader = try TextReader(path, field: field)
        var all: [String] = []
        while true {
            let more = try reader.next(1_024)
            guard !more.isEmpty else { break }
            all += more.filter { !$0.isBlank }
        }
        guard !all.isEmpty else { throw BelfryError(.invalidInput, "The file has no query.", at: .init(file: path)) }
        return all
    }

    /// The next texts, `count` at most; none at the end. An empty cell is an empty text: rows keep their places.
    func next(_ count: Int) throws(BelfryError) -> [String] {
        var texts: [String] = []
        while texts.count < count {
            switch source {
            case .lines(let lines):
                guard let line = try lines.next() else { return texts }
                texts.append(line)
            case .rows(let rows, let column):
                guard let event = try rows.next() else { return texts }
                switch event {
                case .row(let row):
                    guard let text = row.text(column) else {
                        throw BelfryError(
                            .invalidInput, "The row has no field \(field.debugDescription).",
                            at: .line(row.line, of: rows.path), remedy: "Name the field with --field.")
                    }
                    texts.append(text)
                case .problem(let problem): throw problem.error(in: rows.path)
                }
            }
        }
        return texts
    }
}

extension ColumnReference {
    /// A column as an option names it: by its name, or its number.
    init(option: String) { self = Int(option).map { .number($0) } ?? .name(option) }
}

/// Lines of UTF-8 text, without their line breaks.
private final class LineReader {
    private let input: TextInput
    private var buffer: [UInt8] = []
    private var start = 0
    private var number = 0
    private var ended = false

    init(_ input: TextInput) { self.input = input }

    func next() throws(BelfryError) -> String? {
        while true {
            if let end = buffer[start...].firstIndex(of: 10) {
                defer { start = end + 1 }
                return try text(buffer[start..<end])
            }
            if ended {
                guard start < buffer.count else { return nil }
                defer { start = buffer.count }
                return try text(buffer[start...])
            }
            try fill()
        }
    }

    private func fill() throws(BelfryError) {
        buffer.removeFirst(start)
        start = 0
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { chunk.deallocate() }
        let count = try input.read(into: chunk)
        buffer.append(contentsOf: chunk[..<count])
        ended = count == 0
        guard buffer.count < 1 << 26 else {
            throw BelfryError(.invalidInput, "The line is longer than 64 MiB.", at: .line(number + 1, of: input.path))
        }
    }

    private func text(_ line: ArraySlice<UInt8>) throws(BelfryError) -> String {
        number += 1
        var bytes = line.last == 13 ? line.dropLast() : line
        if number == 1, bytes.starts(with: [0xef, 0xbb, 0xbf]) { bytes = bytes.dropFirst(3) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw BelfryError(.invalidInput, "The line is not UTF-8.", at: .line(number, of: input.path))
        }
        return text
    }
}
