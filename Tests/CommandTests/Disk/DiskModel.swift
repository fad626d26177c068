import Foundation
import TestSupport

/// What may be on a disk after a power cut, by what was done to it until then.
///
/// The model, which is harder than most file systems are:
///
/// 1. **A file's bytes** are certain once a sync of that file has succeeded after them. Of what was written, cut or made
///    room for since, any part may be there: each write is torn into pieces at multiples of 512 bytes, and each piece is
///    there or not, whatever else is.
/// 2. **A folder's entries** (made, renamed, removed) are certain once that folder was synced. Of the changes since, the
///    first few are there and the rest are not: in the order in which they were made, per folder. A sync of a file says
///    nothing of its name. A rename, or an exchange, is there wholly or not.
/// 3. **A sync of a file that fails** makes what was written before it lost: it may be there or not, and no later sync
///    changes that, since the system has forgotten that it had to be written. Only writing it again does.
///    A sync of a folder that fails has done nothing.
final class DiskModel {
    /// A change of a file.
    private struct Change {
        enum Kind {
            case write(offset: Int, ArraySlice<UInt8>)
            case resize(size: Int, atLeast: Bool)
        }
        enum Fate { case unsynced, lost, certain }

        let kind: Kind
        var fate = Fate.unsynced
    }

    /// A file or a folder.
    private final class Node {
        let isFolder: Bool
        var content = DiskContent()
        var changes: [Change] = []
        /// As the running process sees them.
        var entries: [String: Node] = [:]
        var certainEntries: [String: Node] = [:]
        /// Each is carried out in one step; nil removes.
        var entryChanges: [[(name: String, node: Node?)]] = []

        init(isFolder: Bool) { self.isFolder = isFolder }
    }

    /// What a disk does not do that says it has synced.
    enum Lie { case none, files, folders }

    private let root = Node(isFolder: true)
    private let rootPath: String
    private let lie: Lie
    private var handles: [UInt32: Node] = [:]

    /// An empty folder, as it is at `path` while it is watched.
    init(_ path: String, _ lie: Lie = .none) { (rootPath, self.lie) = (path, lie) }

    /// Does what an event says.
    func apply(_ event: DiskEvent) {
        switch event {
        case .open(let handle, let path, let made, let emptied):
            if made { change(path) { [($0, Node(isFolder: false))] } }
            let node = node(path)
            if emptied { node?.changes.append(Change(kind: .resize(size: 0, atLeast: false))) }
            handles[handle] = node
        case .write(let handle, let offset, let bytes):
            handles[handle]?.changes.append(Change(kind: .write(offset: offset, bytes)))
        case .resize(let handle, let size, let atLeast):
            handles[handle]?.changes.append(Change(kind: .resize(size: size, atLeast: atLeast)))
        case .sync(let handle, let failed): if let node = handles[handle] { sync(node, failed) }
        case .rename(let old, let new, let exchanges):
            let (moved, other) = (node(old), node(new))
            let name = Self.split(new).name
            precondition(Self.split(old).folder == Self.split(new).folder, "all renames are inside a folder")
            change(old) { [($0, exchanges ? other : nil), (name, moved)] }
        case .remove(let path): change(path) { [($0, nil)] }
        case .make(let path): change(path) { [($0, Node(isFolder: true))] }
        case .note: break
        }
    }

    private static func split(_ path: String) -> (folder: String, name: String) {
        let slash = path.lastIndex(of: "/") ?? path.startIndex
        return (String(path[..<slash]), String(path[slash...].dropFirst()))
    }

    private func node(_ path: String) -> Node? {
        guard path.hasPrefix(rootPath) else { return nil }
        var node: Node? = root
        for name in path.dropFirst(rootPath.count).split(separator: "/") { node = node?.entries[String(name)] }
        return node
    }

    private func change(_ path: String, _ step: (String) -> [(name: String, node: Node?)]) {
        let (folder, name) = Self.split(path)
        guard let folder = node(folder) else { preconditionFailure("\(path) is in no folder that is known") }
        let step = step(name)
        for (name, node) in step { folder.entries[name] = node }
        folder.entryChanges.append(step)
    }

    private func sync(_ node: Node, _ failed: Bool) {
        if lie == (node.isFolder ? .folders : .files) { return }
        guard !node.isFolder else {
            guard !failed else { return }
            for (name, entry) in node.entryChanges.joined() { node.certainEntries[name] = entry }
            node.entryChanges = []
            return
        }
        for place in node.changes.indices where node.changes[place].fate == .unsynced {
            node.changes[place].fate = failed ? .lost : .certain
        }
        // Behind one that is lost, even what is certain depends on it.
        let settled = node.changes.prefix { $0.fate == .certain }
        for change in settled { Self.apply(change.kind, to: &node.content) }
        node.changes.removeFirst(settled.count)
    }

    private static func apply(_ kind: Change.Kind, to content: inout DiskContent) {
        switch kind {
        case .write(let offset, let bytes): content.write(bytes, at: offset)
        case .resize(let size, let atLeast): content.resize(atLeast ? max(size, content.size) : size)
        }
    }
}

// MARK: states

extension DiskModel {
    /// Writes one of the states that may be on the disk now into a folder that is empty.
    func writeState(to folder: String, _ random: inout SeededGenerator) throws {
        try write(root, to: folder, &random)
    }

    private func write(_ node: Node, to path: String, _ random: inout SeededGenerator) throws {
        guard node.isFolder else { return try content(of: node, &random).write(to: path) }
        var entries = node.certainEntries
        let done = Self.some(node.entryChanges.count, &random)
        for (name, entry) in node.entryChanges.prefix(done).joined() { entries[name] = entry }
        for (name, entry) in entries.sorted(by: { $0.key < $1.key }) {
            let path = "\(path)/\(name)"
            if entry.isFolder { mkdir(path, 0o755) }
            try write(entry, to: path, &random)
        }
    }

    /// None, all, or any number between.
    private static func some(_ count: Int, _ random: inout SeededGenerator) -> Int {
        [0, count, Int.random(in: 0...count, using: &random)].randomElement(using: &random) ?? 0
    }

    private func content(of node: Node, _ random: inout SeededGenerator) -> DiskContent {
        var content = node.content
        // Each file is by itself: nothing of it, nearly all, or the first changes up to one that is torn.
        let chances: [Double] = [0, 0.1, 0.5, 0.9, 1]
        let chance = chances.randomElement(using: &random) ?? 1
        let isOrdered = Bool.random(using: &random)
        let end = Self.some(node.changes.count, &random)
        for (place, change) in node.changes.enumerated() {
            if change.fate == .certain {
                Self.apply(change.kind, to: &content)
            } else if !isOrdered || place == end {
                applyPart(change.kind, to: &content, chance, &random)
            } else if place < end {
                Self.apply(change.kind, to: &content)
            }
        }
        return content
    }

    private func applyPart(
        _ kind: Change.Kind, to content: inout DiskContent, _ chance: Double, _ random: inout SeededGenerator
    ) {
        guard case .write(let offset, let bytes) = kind else {
            if Double.random(in: 0..<1, using: &random) < chance { Self.apply(kind, to: &content) }
            return
        }
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, (offset + start) / 512 * 512 + 512 - offset)
            if Double.random(in: 0..<1, using: &random) < chance {
                content.write(bytes[(bytes.startIndex + start)..<(bytes.startIndex + end)], at: offset + start)
            }
            start = end
        }
    }
}

/// The bytes of a file: what was written, and zeros from there to its size.
struct DiskContent {
    private(set) var size = 0
    private var bytes: [UInt8] = []

    mutating func write(_ written: ArraySlice<UInt8>, at offset: Int) {
        let end = offset + written.count
        if bytes.count < end { bytes.append(contentsOf: repeatElement(0, count: end - bytes.count)) }
        bytes.replaceSubrange(offset..<end, with: written)
        size = max(size, end)
    }

    mutating func resize(_ size: Int) {
        if bytes.count > size { bytes.removeLast(bytes.count - size) }
        self.size = size
    }

    /// Writes a new file.
    func write(to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o644)
        guard descriptor >= 0 else { throw CocoaError(.fileWriteUnknown) }
        defer { close(descriptor) }
        let written = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
        guard written == bytes.count, ftruncate(descriptor, off_t(size)) == 0 else {
            throw CocoaError(.fileWriteUnknown)
        }
    }
}
