public import Foundation

/// Where tests find what is not committed: reference data beside the repository, and downloaded models.
public enum TestData {
    /// The package's own folder.
    public static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    /// The folder of reference data: `../shared`, or what `BELFRY_SHARED` says.
    public static let shared = ProcessInfo.processInfo.environment["BELFRY_SHARED"] ?? root + "/../shared"

    /// The cache of downloads that `Scripts/fetch.sh` fills: `~/.cache/belfry`, or what `BELFRY_CACHE` says.
    public static let cache =
        ProcessInfo.processInfo.environment["BELFRY_CACHE"] ?? NSHomeDirectory() + "/.cache/belfry"

    /// The sentence-transformers folder of all-MiniLM-L6-v2.
    public static let miniLM = cache + "/all-MiniLM-L6-v2"

    /// Whether all these paths exist. For `.enabled(if:)`, so that a test without its data is skipped, not passed.
    public static func has(_ paths: String...) -> Bool {
        paths.allSatisfy { FileManager.default.fileExists(atPath: $0) }
    }
}

/// A folder that is removed when the closure returns.
public func withTemporaryDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
    let path = NSTemporaryDirectory() + "belfry-test-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
}

/// A folder that is removed when the asynchronous closure returns.
public func withTemporaryDirectory<Result>(
    isolation: isolated (any Actor)? = #isolation, _ body: (String) async throws -> Result
) async throws -> Result {
    let path = NSTemporaryDirectory() + "belfry-test-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}

extension Data {
    /// Writes a new file in the place of the one that may be there, without waiting for the disk: some file systems do
    /// when a file is emptied and written again, and Foundation does always, which thousands of small cases notice.
    public func writeAnew(to path: String) throws {
        unlink(path)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o644)
        guard descriptor >= 0 else { throw CocoaError(.fileWriteUnknown) }
        defer { close(descriptor) }
        let written = withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
        guard written == count else { throw CocoaError(.fileWriteUnknown) }
    }
}
