import Foundation

/// An open directory, whose entries are looked at and removed through its descriptor.
///
/// No step follows a symbolic link: what a name leads to is asked of the directory itself (`openat` with `O_NOFOLLOW`,
/// `fstatat`, `unlinkat`), so that a link, or a folder that was exchanged for one meanwhile, never leads elsewhere.
public final class Directory {
    /// What a name in a directory is.
    public enum Kind: Sendable {
        /// A regular file.
        case file
        /// A directory.
        case folder
        /// A symbolic link, wherever it leads.
        case link
        /// A pipe, a socket, a device.
        case other
    }

    /// An entry's name, as the file system has it: not every name is UTF-8.
    struct Name {
        let bytes: [CChar]

        init(_ text: String) { bytes = Array(text.utf8CString) }
        init(_ bytes: [CChar]) { self.bytes = bytes }

        var text: String { bytes.withUnsafeBufferPointer { String(cString: $0.baseAddress!) } }
    }

    /// Where it was when it was opened.
    public let path: String
    private let descriptor: Int32

    /// Opens the directory at `path`; those above it may be links, itself must not.
    /// - Throws: `notFound`, `io`; `conflict` where `path` is a link.
    public convenience init(_ path: String) throws(BelfryError) {
        var path = path[...]
        // With a slash at its end, the link would be followed.
        while path.count > 1, path.last == "/" { path.removeLast() }
        try self.init(Name(String(path)), at: String(path), under: AT_FDCWD)
    }

    /// Opens the directory that `path` is, or would be, an entry of: a link to it is what its user chose.
    public convenience init(around path: String) throws(BelfryError) {
        let parent = System.parent(of: path)
        try self.init(Name(parent), at: parent, under: AT_FDCWD, followsLink: true)
    }

    private init(
        _ name: Name, at path: String, under parent: Int32, followsLink: Bool = false
    ) throws(BelfryError) {
        self.path = path
        let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (followsLink ? 0 : O_NOFOLLOW)
        descriptor = openat(parent, name.bytes, flags)
        guard descriptor >= 0 else {
            let code = errno
            if Self.kind(of: name, under: parent) == .link { throw Self.isLink(path) }
            throw System.failure("open the directory", path, errno: code)
        }
    }

    deinit { close(descriptor) }

    /// The error for a link where a writer needs the thing itself.
    public static func isLink(_ path: String) -> BelfryError {
        BelfryError(
            .conflict, "This is a symbolic link; nothing is written or removed through it.", at: .init(file: path),
            remedy: "Put in its place what it leads to, or remove the link.")
    }

    /// The names in it, sorted.
    public func names() throws(BelfryError) -> [String] { try entries().map(\.text) }

    func entries() throws(BelfryError) -> [Name] {
        // A second descriptor, since the stream closes its own and moves along it.
        let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0, let stream = fdopendir(copy) else { throw System.failure("list the directory", path) }
        defer { closedir(stream) }
        var names: [Name] = []
        errno = 0
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) {
                    Name(Array(UnsafeBufferPointer(start: $0, count: strlen($0) + 1)))
                }
            }
            if name.text != "." && name.text != ".." { names.append(name) }
            errno = 0
        }
        guard errno == 0 else { throw System.failure("list the directory", path) }
        return names.sorted { $0.text < $1.text }
    }

    /// What `name` is; nil where there is nothing of that name.
    public func kind(of name: String) -> Kind? { kind(of: Name(name)) }

    func kind(of name: Name) -> Kind? { Self.kind(of: name, under: descriptor) }

    private static func kind(of name: Name, under descriptor: Int32) -> Kind? {
        var status = stat()
        guard fstatat(descriptor, name.bytes, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
        return switch status.st_mode & S_IFMT {
        case S_IFREG: .file
        case S_IFDIR: .folder
        case S_IFLNK: .link
        default: .other
        }
    }

    /// The directory `name` in it.
    /// - Throws: `conflict` where that is a link.
    public func folder(_ name: String) throws(BelfryError) -> Directory { try folder(Name(name)) }

    func folder(_ name: Name) throws(BelfryError) -> Directory {
        try Directory(name, at: "\(path)/\(name.text)", under: descriptor)
    }

    /// Removes the file or the link `name`, or the empty directory if `isFolder`; nothing there is fine.
    func unlink(_ name: Name, isFolder: Bool) throws(BelfryError) {
        guard unlinkat(descriptor, name.bytes, isFolder ? AT_REMOVEDIR : 0) == 0 || errno == ENOENT else {
            throw System.failure("remove it", "\(path)/\(name.text)")
        }
    }

    /// Removes `name` with all that it holds: a link itself, and not what it leads to. Nothing there is fine.
    func removeAll(_ name: Name) throws(BelfryError) {
        let kind = kind(of: name)
        guard kind != nil else { return }
        if kind == .folder {
            let folder = try folder(name)
            for entry in try folder.entries() { try folder.removeAll(entry) }
        }
        try unlink(name, isFolder: kind == .folder)
    }
}
