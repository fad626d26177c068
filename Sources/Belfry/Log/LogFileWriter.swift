import Files
import Foundation

/// The file of the log that is being written: appends bytes, syncs them, and cuts off what was not synced.
///
/// Room is made in steps ahead of what is written, so that a sync need not write a new size to the disk each time; it is
/// zeros, which no reader takes for a record. One owner at a time.
final class LogFileWriter {
    let file: LogFile
    /// Where the next record goes.
    private(set) var end: Int
    /// Up to where the file is known to be on disk.
    private(set) var syncedEnd: Int
    private var roomEnd: Int
    private let descriptor: Int32
    private let step: Int
    private let calls: LogSystemCalls

    /// Creates the file, and syncs it and its folder before anything is written to it.
    init(creating file: LogFile, step: Int, _ calls: LogSystemCalls) throws(BelfryError) {
        (self.file, self.step, self.calls) = (file, step, calls)
        (end, syncedEnd, roomEnd) = (0, 0, 0)
        descriptor = open(file.path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw System.failure("create it", file.path) }
        try append(file.header)
        // The size as well, and not only the data: fsync.
        guard calls.sync(descriptor) == 0, fsync(descriptor) == 0 else {
            throw System.failure("sync it to disk", file.path)
        }
        syncedEnd = end
        try System.sync(System.parent(of: file.path))
    }

    /// Goes on in a file that a reader has been through up to `end`. What a killed writer left behind it is cut off first: a
    /// later reader could take it for what follows on the next record. And what may never have reached the disk is written
    /// once more, since a sync alone does nothing for what another process has failed to sync.
    init(
        goingOn file: LogFile, at end: Int, cutting: Bool, rewritingFrom start: Int, step: Int, _ calls: LogSystemCalls
    ) throws(BelfryError) {
        (self.file, self.step, self.calls) = (file, step, calls)
        (self.end, syncedEnd, roomEnd) = (end, end, end)
        descriptor = open(file.path, O_RDWR | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw errno == ELOOP ? Directory.isLink(file.path) : System.failure("open it", file.path)
        }
        if cutting {
            try cut(to: end)
        } else {
            var status = stat()
            guard fstat(descriptor, &status) == 0 else { throw System.failure("read its size", file.path) }
            roomEnd = max(end, Int(status.st_size))
        }
        try rewrite(from: start)
    }

    private func rewrite(from start: Int) throws(BelfryError) {
        let bytes = try LogBytes(file.path)
        var place = start
        while place < end {
            place += try bytes.withBytes(at: place, min(end - place, 1 << 20)) { bytes throws(BelfryError) in
                try write(bytes, at: place)
                return bytes.count
            }
        }
        guard calls.sync(descriptor) == 0, fsync(descriptor) == 0 else {
            throw System.failure("sync it to disk", file.path)
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Writes bytes behind the last ones, in one call where the system takes them so.
    func append(_ bytes: [UInt8]) throws(BelfryError) {
        makeRoom(to: end + bytes.count)
        try bytes.withBytes { bytes throws(BelfryError) in try write(bytes, at: end) }
        end += bytes.count
    }

    private func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(BelfryError) {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let written = calls.write(descriptor, rest, offset + done)
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { throw failure(written == 0 ? EIO : errno) }
            done += written
        }
    }

    /// Makes what was appended survive a power cut.
    func sync() throws(BelfryError) {
        guard calls.sync(descriptor) == 0 else { throw System.failure("sync it to disk", file.path) }
        syncedEnd = end
    }

    /// Cuts off what was not synced: nobody was told that it is kept.
    func cutUnsynced() throws(BelfryError) {
        guard ftruncate(descriptor, off_t(syncedEnd)) == 0 else { throw System.failure("cut it", file.path) }
        (end, roomEnd) = (syncedEnd, syncedEnd)
    }

    /// Gives back the room behind the last record.
    func finish() throws(BelfryError) { try cut(to: end) }

    private func cut(to size: Int) throws(BelfryError) {
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw System.failure("cut it", file.path) }
        guard fsync(descriptor) == 0 else { throw System.failure("sync it to disk", file.path) }
        roomEnd = size
    }

    /// Without that room it is only slower: whether the disk is full, the write itself will say.
    private func makeRoom(to needed: Int) {
        guard step > 0, needed > roomEnd else { return }
        let target = (needed + step - 1) / step * step
        if posix_fallocate(descriptor, off_t(roomEnd), off_t(target - roomEnd)) == 0 { roomEnd = target }
    }

    private func failure(_ code: Int32) -> BelfryError {
        guard code == ENOSPC || code == EDQUOT else { return System.failure("write to it", file.path, errno: code) }
        return BelfryError(
            .io, "The disk is full: what was to be written is not kept.", at: .init(file: file.path),
            remedy: "Free some disk space and write it again: all writes that were acknowledged are kept.")
    }
}
