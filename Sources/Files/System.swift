import CGlibc
public import Foundation

/// The few system calls that the storage code needs, each with an error that names the file and the reason.
public enum System {
    /// The error for a system call on `path` that just failed, from `errno`.
    public static func failure(_ action: String, _ path: String, errno code: Int32 = errno) -> BelfryError {
        let kind: BelfryError.Code = code == ENOENT ? .notFound : .io
        let remedy: String? =
            switch code {
            case ENOSPC, EDQUOT: "Free some disk space and run the same command again: nothing was lost."
            case EACCES, EPERM, EROFS: "Give this user permission to the path, or choose another one."
            case EMFILE, ENFILE: "Raise the limit of open files (ulimit -n)."
            case EINVAL where action.hasPrefix("exchange"), EXDEV where action.hasPrefix("exchange"):
                "This file system cannot swap directories: remove the old one and run the same command again."
            default: nil
            }
        let reason = String(cString: strerror(code))
        return BelfryError(kind, "Cannot \(action): \(reason).", at: .init(file: path), remedy: remedy)
    }

    /// The same for an error of Foundation's file manager, which carries the system's code inside.
    private static func failure(_ action: String, _ path: String, _ error: any Error) -> BelfryError {
        let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
        guard let code = underlying?.code else {
            return BelfryError(.io, "Cannot \(action).", at: .init(file: path), cause: error)
        }
        return failure(action, path, errno: Int32(code))
    }

    /// Whether something exists at `path`.
    public static func exists(_ path: String) -> Bool {
        access(path, F_OK) == 0
    }

    /// Whether `path` is a directory (links followed).
    public static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The size of the file at `path` in bytes.
    public static func fileSize(_ path: String) throws(BelfryError) -> Int {
        var status = stat()
        guard stat(path, &status) == 0 else { throw failure("read the size of the file", path) }
        return Int(status.st_size)
    }

    /// Creates the directory and those above it; one that is there already is fine.
    public static func createDirectory(_ path: String) throws(BelfryError) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw failure("create the directory", path, error)
        }
    }

    /// The names in a directory, sorted.
    public static func list(_ path: String) throws(BelfryError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        } catch {
            throw failure("list the directory", path, error)
        }
    }

    /// Removes a file, or a directory with all it holds; nothing there is fine. A link is removed itself, and nothing is
    /// removed through one. For what this process has made: what others may have put into is removed by its
    /// ``Belongings``.
    public static func remove(_ path: String) throws(BelfryError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            guard unlink(path) == 0 || errno == ENOENT else { throw failure("remove it", path) }
            return
        }
        let directory = try Directory(path)
        for entry in try directory.entries() { try directory.removeAll(entry) }
        guard rmdir(path) == 0 || errno == ENOENT else { throw failure("remove it", path) }
    }

    /// Renames, replacing a file at `target`. Atomic within one file system.
    public static func rename(_ source: String, to target: String) throws(BelfryError) {
        guard Foundation.rename(source, target) == 0 else { throw failure("rename it to \(target)", source) }
    }

    /// Exchanges two paths in one atomic step (Linux `RENAME_EXCHANGE`), so that a reader sees one or the other.
    public static func exchange(_ first: String, _ second: String) throws(BelfryError) {
        guard renameat2(AT_FDCWD, first, AT_FDCWD, second, UInt32(1 << 1)) == 0 else {
            throw failure("exchange it with \(second)", first)
        }
    }

    /// Copies a file to where none is, and syncs it to disk.
    public static func copyFile(_ source: String, to target: String) throws(BelfryError) {
        let file = try MappedFile(source, access: .sequential)
        defer { withExtendedLifetime(file) {} }
        let writer = try FileWriter(target, isNew: true)
        try writer.write(file.bytes)
        try writer.finish()
    }

    /// Where a path leads to if it is a link, else the path as it is.
    public static func resolvingLink(_ path: String) throws(BelfryError) -> String {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK else { return path }
        guard let real = realpath(path, nil) else { throw failure("follow the link", path) }
        defer { free(real) }
        return String(cString: real)
    }

    /// Makes a file's bytes, or a directory's entries, survive a power cut.
    public static func sync(_ path: String) throws(BelfryError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open it", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("sync it to disk", path) }
    }

    /// The whole content of a small file (`limit` bytes at most).
    public static func read(_ path: String, limit: Int = 1 << 28) throws(BelfryError) -> Data {
        let file = try MappedFile(path)
        guard file.bytes.count <= limit else {
            throw BelfryError(
                .unsupported, "The file has \(file.bytes.count) bytes; at most \(limit) are read here.",
                at: .init(file: path))
        }
        return withExtendedLifetime(file) { Data(file.bytes) }
    }

    /// Writes a small file so that a reader, or a crash, sees the old content or the new, never half of it.
    /// - Returns: The files that killed writers of `path` had left beside it, which were removed.
    @discardableResult
    public static func write(_ data: Data, to path: String) throws(BelfryError) -> [String] {
        let leftovers = TemporaryName.file.removeLeftoverFiles(of: path)
        let temporary = TemporaryName.file.beside(path)
        do throws(BelfryError) {
            let writer = try FileWriter(temporary, isNew: true)
            try Array(data).withBytes { bytes throws(BelfryError) in try writer.write(bytes) }
            try writer.finish()
            try rename(temporary, to: path)
        } catch {
            try? remove(temporary)
            var error = error
            if error.location?.file == temporary { error.location?.file = path }
            throw error
        }
        try sync(parent(of: path))
        return leftovers
    }

    /// The directory that holds `path`.
    public static func parent(of path: String) -> String {
        let parent = (path as NSString).deletingLastPathComponent
        return parent.isEmpty ? "." : parent
    }
}
