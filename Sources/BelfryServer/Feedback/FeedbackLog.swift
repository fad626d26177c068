import Files
import Foundation
import Synchronization

/// What was recommended, and what became of it: lines of JSON, in files by days (UTC) and numbers.
///
/// | event | a line has |
/// |---|---|
/// | `recommendation` | `request_id`, `at`, the collection, the request's body and the points that it was answered with |
/// | any other | `request_id`, `at`, and the `points` that were shown, clicked or bought |
///
/// A file that would become too large is followed by another one, and of many the oldest are removed. Lines are not synced: a power
/// cut may cost the last ones, and readers pass over a line that is cut short.
final class FeedbackLog: Sendable {
    private struct Open {
        var day = ""
        var number = 1
        var file: Int32 = -1
        var bytes = 0
    }

    private let folder: String
    private let mostBytes: Int
    private let mostFiles: Int
    private let opened = Mutex(Open())

    /// - Parameters:
    ///   - mostBytes: a file becomes larger only by a single call.
    ///   - mostFiles: how many files are kept.
    init(_ folder: String, mostBytes: Int = 64 << 20, mostFiles: Int = 64) {
        (self.folder, self.mostBytes, self.mostFiles) = (folder, mostBytes, mostFiles)
    }

    deinit { opened.withLock { if $0.file >= 0 { close($0.file) } } }

    /// Adds events, all of the time `now`.
    func append(_ events: [JSON], now: Date = Date()) throws(BelfryError) {
        guard !events.isEmpty else { return }
        let lines = Array(events.map { $0.text() + "\n" }.joined().utf8)
        let day = String(now.ISO8601Format().prefix(10))
        try opened.withLock { opened throws(BelfryError) in
            let isFull = opened.bytes > 0 && opened.bytes + lines.count > mostBytes
            // Somebody may have removed it.
            let isGone = System.isMissing("\(folder)/\(Self.name(opened.day, opened.number))")
            if opened.file < 0 || opened.day != day || isFull || isGone {
                try open(day, for: lines.count, &opened)
            }
            do throws(BelfryError) {
                try write(lines, &opened)
            } catch {
                // Half a line may be there: whoever opens the file again ends it.
                close(opened.file)
                opened = Open()
                throw error
            }
        }
    }

    // MARK: files

    private func open(_ day: String, for bytes: Int, _ opened: inout Open) throws(BelfryError) {
        if opened.file >= 0 { close(opened.file) }
        opened = Open()
        try System.createDirectory(folder)
        let known = try Self.files(in: folder)
        var number = known.compactMap { Self.number($0, of: day) }.max() ?? 1
        var path = "\(folder)/\(Self.name(day, number))"
        if System.exists(path), case let size = try System.fileSize(path), size > 0, size + bytes > mostBytes {
            number += 1
            path = "\(folder)/\(Self.name(day, number))"
        }
        let file = Foundation.open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0o640)
        guard file >= 0 else { throw System.failure("open the log of feedback", path) }
        opened = Open(day: day, number: number, file: file, bytes: Int(lseek(file, 0, SEEK_END)))
        // Whoever was killed may have left half a line.
        var last: UInt8 = 0
        if opened.bytes > 0, pread(file, &last, 1, opened.bytes - 1) == 1, last != UInt8(ascii: "\n") {
            try write([UInt8(ascii: "\n")], &opened)
        }
        let own = Self.name(day, number)
        for old in known.filter({ $0 != own }).dropLast(mostFiles - 1) {
            try System.remove("\(folder)/\(old)")
        }
    }

    private func write(_ bytes: [UInt8], _ opened: inout Open) throws(BelfryError) {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Foundation.write(opened.file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw System.failure("write the log of feedback", "\(folder)/\(Self.name(opened.day, opened.number))")
            }
            written += count
            opened.bytes += count
        }
    }

    /// The files of a folder, the oldest first.
    static func files(in folder: String) throws(BelfryError) -> [String] {
        try System.list(folder).filter { $0.hasSuffix(".jsonl") && $0.utf8.count == name("2026-11-30", 1).utf8.count }
            .sorted()
    }

    /// `2026-11-30-0001.jsonl`.
    private static func name(_ day: String, _ number: Int) -> String {
        "\(day)-\(String(repeating: "0", count: max(0, 4 - String(number).count)))\(number).jsonl"
    }

    private static func number(_ name: String, of day: String) -> Int? {
        name.hasPrefix("\(day)-") ? Int(name.dropFirst(11).dropLast(6)) : nil
    }
}
