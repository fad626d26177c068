import CGlibc
import Foundation
import Synchronization

/// Keeps what this process has in memory below a limit, as far as that is pages of mapped files, while it lives.
///
/// The system leaves pages of files mapped until somebody else needs the memory, and counts them as the process's. Where
/// somebody says how much the process may have, that is not what they mean to see: when it comes near the limit, all pages
/// of mapped files are given back. They stay in the page cache, and come again when they are read.
///
/// What the process has allocated is not its business: a build sees to that by what it does at a time.
public final class MemoryGuard: Sendable {
    private let isOver = Over()

    private final class Over: Sendable { let flag = Atomic(false) }

    /// How often it looks. Pages come at some 100 MB in this time at the most.
    private static let interval: UInt32 = 2_000

    /// Guards a limit of so many bytes. A sixteenth of it is for what comes between two looks.
    public init(limit: Int) {
        let over = isOver
        let threshold = limit / 16 * 15
        Thread.detachNewThread {
            while !over.flag.load(ordering: .relaxed) {
                var pause = Self.interval
                if let bytes = System.residentBytes, bytes > threshold {
                    MappedFile.releasePages()
                    // What is left is not the files'.
                    if let left = System.residentBytes, left > threshold { pause *= 25 }
                }
                usleep(pause)
            }
        }
    }

    deinit { isOver.flag.store(true, ordering: .relaxed) }
}

extension System {
    /// Has freed memory go back to the system, from now on: by default every thread keeps a heap of what was large once, and a
    /// process that loads millions of points, table by table, grows to a gigabyte of nothing.
    public static func giveBackFreedMemory() { _ = onceSet }

    private static let onceSet: Bool = {
        let (mapThreshold, heaps) = (Int32(-3), Int32(-8))
        return mallopt(mapThreshold, 1 << 20) == 1 && mallopt(heaps, 2) == 1
    }()

    /// Bytes that this process has in memory now, pages of files and all; nil where the system does not say.
    public static var residentBytes: Int? { statistics?.resident }

    /// Bytes that this process has in memory now and that are of no file; nil where the system does not say.
    public static var ownBytes: Int? { statistics.map { $0.resident - $0.shared } }

    /// The figures of `/proc/self/statm`.
    private static var statistics: (resident: Int, shared: Int)? {
        let descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var numbers: [Int] = []
        withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { room in
            let count = Foundation.read(descriptor, room.baseAddress, room.count)
            var number = 0
            for byte in room.prefix(max(0, count)) {
                if byte >= 48, byte <= 57 {
                    number = number &* 10 &+ Int(byte - 48)
                } else {
                    numbers.append(number)
                    number = 0
                }
            }
        }
        guard numbers.count > 2 else { return nil }
        let page = sysconf(Int32(_SC_PAGESIZE))
        return (numbers[1] * page, numbers[2] * page)
    }
}
