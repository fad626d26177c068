import Files
import NIOCore

/// Writes the first file of a form (`multipart/form-data`) to disk while it comes.
struct MultipartFile {
    /// `\r\n--boundary`, which ends a part.
    private let delimiter: [UInt8]
    private let writer: FileWriter
    private let most: Int
    /// What has come and is not written: it may be the beginning of the delimiter.
    private var rest: [UInt8] = []
    private var isInFile = false
    private(set) var isComplete = false

    /// - Parameter contentType: the request's, which names the boundary.
    init(_ contentType: String?, to path: String, most: Int) throws {
        let parts = contentType?.split(separator: ";").map { $0.trimming(while: \.isWhitespace) } ?? []
        guard parts.first?.lowercased() == "multipart/form-data",
            let boundary = parts.first(where: { $0.lowercased().hasPrefix("boundary=") })?.dropFirst("boundary=".count),
            case let name = boundary.filter({ $0 != "\"" }), (1...200).contains(name.utf8.count)
        else { throw Refusal.bad("A form with the file of the snapshot is expected (multipart/form-data)") }
        delimiter = Array("\r\n--\(name)".utf8)
        self.most = most
        writer = try FileWriter(path, isNew: true)
        // The first boundary has no line before it.
        rest = [13, 10]
    }

    /// Takes the next bytes of the body.
    mutating func take(_ bytes: some Sequence<UInt8>) throws {
        guard !isComplete else { return }
        rest += bytes
        if !isInFile {
            guard let end = find([13, 10, 13, 10]) else {
                guard rest.count < 1 << 14 else { throw Refusal.bad("The form has no file") }
                return
            }
            guard rest.starts(with: delimiter) else { throw Refusal.bad("The form does not begin with its boundary") }
            rest.removeFirst(end + 4)
            isInFile = true
        }
        if let end = find(delimiter) {
            try write(rest[..<end])
            (isComplete, rest) = (true, [])
            try writer.finish()
        } else if rest.count > delimiter.count {
            let sure = rest.count - delimiter.count
            try write(rest[..<sure])
            rest.removeFirst(sure)
        }
    }

    private func write(_ bytes: ArraySlice<UInt8>) throws {
        guard writer.count + bytes.count <= most else {
            throw Refusal(413, "Payload too large: a snapshot may have \(most) bytes")
        }
        try Array(bytes).withBytes { (bytes) throws(BelfryError) in try writer.write(bytes) }
    }

    /// Where a text begins in what has come.
    private func find(_ text: [UInt8]) -> Int? {
        guard rest.count >= text.count else { return nil }
        return rest.withUnsafeBufferPointer { rest in
            var place = 0
            while place <= rest.count - text.count {
                guard let next = rest[place...].firstIndex(of: text[0]), next <= rest.count - text.count else {
                    return nil
                }
                if rest[next..<next + text.count].elementsEqual(text) { return next }
                place = next + 1
            }
            return nil
        }
    }
}

extension Substring {
    fileprivate func trimming(while isTrimmed: (Character) -> Bool) -> String {
        var text = self.drop(while: isTrimmed)
        while let last = text.last, isTrimmed(last) { text.removeLast() }
        return String(text)
    }
}
