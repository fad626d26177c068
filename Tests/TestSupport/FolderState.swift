public import Foundation

/// All that lies in a folder, as it is: to see that nothing changed. Links are not followed.
public struct FolderState: Equatable {
    /// An entry: what it is and when it was last written.
    public struct Entry: Equatable {
        /// The kind and the permissions.
        public let mode: UInt32
        /// When it was last written, in nanoseconds.
        public let written: Int
        /// Of a file.
        public let bytes: Data?
        /// Of a link.
        public let target: String?
    }

    /// By the path from the folder on.
    public let entries: [String: Entry]

    /// Looks at the folder.
    public init(_ folder: String) {
        var entries: [String: Entry] = [:]
        let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        for name in names + [""] {
            let path = name.isEmpty ? folder : "\(folder)/\(name)"
            var status = stat()
            guard lstat(path, &status) == 0 else { continue }
            let kind = status.st_mode & S_IFMT
            entries[name] = Entry(
                mode: status.st_mode,
                written: Int(status.st_mtim.tv_sec) * 1_000_000_000 + Int(status.st_mtim.tv_nsec),
                bytes: kind == S_IFREG ? FileManager.default.contents(atPath: path) : nil,
                target: kind == S_IFLNK ? try? FileManager.default.destinationOfSymbolicLink(atPath: path) : nil)
        }
        self.entries = entries
    }

    /// The names whose entries differ.
    public func differences(from other: FolderState) -> [String] {
        Set(entries.keys).union(other.entries.keys).filter { entries[$0] != other.entries[$0] }.sorted()
    }
}
