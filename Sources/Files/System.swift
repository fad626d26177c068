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
            case EACCES, EPERM: "Give this user permission to the path, or choose another one."
            case EROFS: "The disk can only be read: choose a path on another one."
            case EFBIG: "Raise the limit of file sizes (ulimit -f)."
            case EMFILE, ENFILE: "Raise the limit of open files (ulimit -n)."
            case EINVAL where action.hasPrefix("exchange"), EXDEV where action.hasPrefix("exchange"):
                "This file system cannot swap directories: remove the old one and run the same command again."
            default: nil
            }
        let reason = String(cString: strerror(code))
        return BelfryError(kind, "Cannot \(action): \(reason).", at: .init(file: path), remedy: remedy)
    }

    /// Whether something exists at `path`.
    public static func exists(_ path: String) -> Bool {
        access(path, F_OK) == 0
    }

    /// Whether nothing is at `path`. What this user may not look at is not missing.
    public static func isMissing(_ path: String) -> Bool {
        access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)
    }

    /// Refuses what is at `path` unless it is a file: opening a pipe, for one, would wait for its writer.
    public static func requireFile(_ path: String) throws(BelfryError) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG else { return }
        throw BelfryError(.invalidInput, "This is not a regular file.", at: .init(file: path))
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
        if isDirectory(path) { return }
        let parent = parent(of: path)
        if parent != path, isMissing(parent) { try createDirectory(parent) }
        // Another process may have been faster.
        guard mkdir(path, 0o777) == 0 || (errno == EEXIST && isDirectory(path)) else {
            throw failure("create the directory", path)
        }
    }

    /// The names in a directory, sorted.
    public static func list(_ path: String) throws(BelfryError) -> [String] {
        guard let directory = opendir(path) else { throw failure("list the directory", path) }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            // Where the name is in the entry: as long as it is, whatever the declaration says.
            let offset = MemoryLayout<dirent>.offset(of: \dirent.d_name)!
            let name = UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: CChar.self)
            if strcmp(name, ".") != 0, strcmp(name, "..") != 0 { names.append(String(cString: name)) }
        }
        return names.sorted()
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

    /// Puts a directory that was made beside its place into it, in one atomic step: a reader sees the old one or the new
    /// one, whole. Its entries are synced before; that the step survives a power cut, the caller asks for with
    /// ``sync(_:)`` of the parent.
    /// - Parameter replacing: whether something is there, which is at `made` afterwards, and the caller's to remove. If
    ///   not, whatever has appeared there meanwhile is an error, but for an empty directory.
    public static func swap(_ made: String, into target: String, replacing: Bool) throws(BelfryError) {
        try sync(made)
        if replacing { try exchange(made, target) } else { try rename(made, to: target) }
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
            // A full disk is no place for what nobody can use.
            try? remove(temporary)
            var error = error
            if error.location?.file == temporary { error.location?.file = path }
            throw error
        }
        try sync(parent(of: path))
        return leftovers
    }

    /// The directory that holds `path`: `.` for a mere name. (Foundation's traps where the name has one letter.)
    public static func parent(of path: String) -> String {
        func withoutSlashes(_ path: Substring.UTF8View) -> Substring.UTF8View {
            var path = path
            while path.count > 1, path.last == UInt8(ascii: "/") { path.removeLast() }
            return path
        }
        let path = withoutSlashes(Substring(path).utf8)
        guard let slash = path.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(Substring(withoutSlashes(path[..<slash])))
    }
}
