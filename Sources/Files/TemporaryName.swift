import Foundation

/// A name beside a file or folder, under which it is made until it is whole: `<name>.belfry-<process>-<UUID>`.
///
/// Nobody else has such a name by chance, and it tells which process made it: so a later one can remove what a killed
/// one left behind, and nothing else.
public struct TemporaryName: Sendable {
    /// What follows the name, as `.belfry-`.
    public let mark: String

    /// Names with this mark.
    public init(mark: String) { self.mark = mark }

    /// For files that take their place when they are whole.
    public static let file = TemporaryName(mark: ".belfry-")

    /// A new name beside `target`.
    public func beside(_ target: String) -> String {
        "\(target)\(mark)\(ProcessInfo.processInfo.processIdentifier)-\(UUID().uuidString)"
    }

    /// The process that made a name; nil for a name of another kind.
    public func process(of name: String) -> Int32? {
        guard let start = name.range(of: mark, options: .backwards)?.upperBound else { return nil }
        let parts = name[start...].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let process = Int32(parts[0]), process > 0, UUID(uuidString: String(parts[1])) != nil
        else { return nil }
        return process
    }

    /// The names beside `target` whose process is no more.
    public func leftovers(of target: String) -> [String] {
        let start = (target as NSString).lastPathComponent + mark
        return ((try? System.list(System.parent(of: target))) ?? []).filter { name in
            guard name.hasPrefix(start), let process = process(of: name) else { return false }
            return kill(process, 0) != 0 && errno == ESRCH
        }
    }

    /// Removes the files beside `target` that killed processes left, and returns their paths. That they lie there harms
    /// nobody: those that cannot be removed stay.
    public func removeLeftoverFiles(of target: String) -> [String] {
        let parent = System.parent(of: target)
        let leftovers = leftovers(of: target)
        guard !leftovers.isEmpty, let folder = try? Directory(around: target) else { return [] }
        return leftovers.filter { folder.kind(of: $0) == .file && (try? folder.removeFile($0)) != nil }
            .map { "\(parent)/\($0)" }
    }
}
