import CFaultyDisk
import Foundation
import Testing

/// What this process does below one folder, noted in order, and made to fail: the Swift face of `CFaultyDisk`.
///
/// For a process of its own: see ``inItsOwnProcess(_:_:)``.
enum FaultyDisk {
    /// Kinds of calls.
    struct Calls: OptionSet, CustomStringConvertible {
        let rawValue: UInt32

        static let open = Calls(rawValue: UInt32(FAULTY_OPEN))
        static let write = Calls(rawValue: UInt32(FAULTY_WRITE))
        static let sync = Calls(rawValue: UInt32(FAULTY_SYNC))
        static let rename = Calls(rawValue: UInt32(FAULTY_RENAME))
        static let map = Calls(rawValue: UInt32(FAULTY_MAP))
        static let resize = Calls(rawValue: UInt32(FAULTY_RESIZE))
        static let read = Calls(rawValue: UInt32(FAULTY_READ))
        static let remove = Calls(rawValue: UInt32(FAULTY_REMOVE))
        static let make = Calls(rawValue: UInt32(FAULTY_MAKE))

        static let named: [(name: String, calls: Calls)] = [
            ("open", open), ("write", write), ("sync", sync), ("rename", rename), ("mmap", map), ("resize", resize),
            ("read", read), ("remove", remove), ("mkdir", make),
        ]

        var description: String { Self.named.filter { contains($0.calls) }.map(\.name).joined(separator: "+") }
    }

    /// Watches a folder while `body` runs.
    /// - Parameter records: whether ``events()`` is wanted.
    static func watching<Result>(
        _ folder: String, records: Bool, isolation: isolated (any Actor)? = #isolation,
        _ body: () async throws -> Result
    ) async rethrows -> Result {
        faulty_disk_watch(folder, records)
        defer { faulty_disk_unwatch() }
        return try await body()
    }

    /// Lets the `nth` call of some kinds fail, and the ones behind it, `count` in all.
    static func fail(_ calls: Calls, nth: Int, count: Int = 1, error: Int32) {
        faulty_disk_fail(calls.rawValue, UInt64(nth), UInt64(count), error)
    }

    /// Lets nothing fail any more. Returns how many calls have failed.
    @discardableResult
    static func heal() -> Int {
        let failures = Int(faulty_disk_failures())
        faulty_disk_fail(0, 0, 0, 0)
        return failures
    }

    /// How many calls of the kinds of ``fail(_:nth:count:error:)`` there were since.
    static var calls: Int { Int(faulty_disk_calls()) }

    /// How many of them have failed.
    static var failures: Int { Int(faulty_disk_failures()) }

    /// What the last call that has failed was about.
    static var lastFailure: String {
        var path = [CChar](repeating: 0, count: 4_096)
        faulty_disk_last_failure(&path, path.count)
        return String(decoding: path.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Puts a number between the events.
    static func note(_ number: Int) { faulty_disk_note(UInt64(number)) }

    /// A folder in memory, where there is one: nothing waits for a disk there.
    static func withFolder<Result>(
        isolation: isolated (any Actor)? = #isolation, _ body: (String) async throws -> Result
    ) async throws -> Result {
        let parent = FileManager.default.isWritableFile(atPath: "/dev/shm") ? "/dev/shm" : NSTemporaryDirectory()
        let real = URL(fileURLWithPath: parent).resolvingSymlinksInPath().path
        let path = "\(real)/belfry-disk-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try await body(path)
    }
}

/// One thing that was done, and has taken effect.
enum DiskEvent {
    /// Something was opened, and is called by a number from then on.
    case open(UInt32, path: String, made: Bool, emptied: Bool)
    case write(UInt32, offset: Int, bytes: ArraySlice<UInt8>)
    case resize(UInt32, size: Int, atLeast: Bool)
    case sync(UInt32, failed: Bool)
    case rename(String, to: String, exchanges: Bool)
    case remove(String)
    case make(folder: String)
    case note(Int)
}

extension FaultyDisk {
    /// What was noted so far.
    static func events() -> [DiskEvent] {
        var size = 0
        guard let start = faulty_disk_events(&size) else { return [] }
        let bytes = [UInt8](UnsafeBufferPointer(start: start, count: size))
        var events: [DiskEvent] = []
        var place = 0
        while place < bytes.count {
            let head = bytes.withUnsafeBytes {
                $0.loadUnaligned(fromByteOffset: place, as: faulty_disk_event.self)
            }
            let path = place + MemoryLayout<faulty_disk_event>.size
            let data = path + Int(head.path_size)
            place = data + Int(head.bytes_size)
            events.append(event(head, String(decoding: bytes[path..<data], as: UTF8.self), bytes[data..<place]))
        }
        return events
    }

    private static func event(
        _ head: faulty_disk_event, _ path: String, _ bytes: ArraySlice<UInt8>
    ) -> DiskEvent {
        switch Int(head.what) {
        case Int(FAULTY_DID_OPEN): .open(head.handle, path: path, made: head.a & 1 != 0, emptied: head.a & 2 != 0)
        case Int(FAULTY_DID_WRITE): .write(head.handle, offset: Int(head.a), bytes: bytes)
        case Int(FAULTY_DID_RESIZE): .resize(head.handle, size: Int(head.a), atLeast: head.b != 0)
        case Int(FAULTY_DID_SYNC): .sync(head.handle, failed: head.a != 0)
        case Int(FAULTY_DID_RENAME):
            .rename(path, to: String(decoding: bytes, as: UTF8.self), exchanges: head.a != 0)
        case Int(FAULTY_DID_REMOVE): .remove(path)
        case Int(FAULTY_DID_MAKE): .make(folder: path)
        default: .note(Int(head.a))
        }
    }
}

/// Shows what a test in a process of its own has printed.
func show(_ result: ExitTest.Result?) {
    guard let result else { return }
    for content in [result.standardOutputContent, result.standardErrorContent] where !content.isEmpty {
        print(String(decoding: content, as: UTF8.self))
    }
}

/// Runs the body of a test that has a process of its own, which must end: what is thrown there would say nothing.
/// - Parameter seconds: after so many it is ended.
func endingWithin(_ seconds: Int, _ body: () async throws -> Void) async {
    alarm(UInt32(seconds))
    do { try await body() } catch { Issue.record("\(error)") }
}
