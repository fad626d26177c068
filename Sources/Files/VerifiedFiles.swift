import Foundation

/// Compares files with their SHA-256, and remembers which were right, so that it costs nothing the second time.
///
/// In `$BELFRY_CACHE/verified` (`~/.cache/belfry` where the variable is not set) each folder has a file of lines: a digest,
/// and the size, the times of content and inode, the inode and the device of the file that had it. A file to which all of
/// that still applies is not read again. What the disk itself changes under the same times is the work of `check`.
public enum VerifiedFiles {
    /// The names, sorted, of files in `folder` that do not have the digest that is given for them.
    /// - Throws: `notFound` or `io` where a file cannot be read.
    public static func differing(in folder: String, from digests: [String: String]) throws(BelfryError) -> [String] {
        let record = self.record(of: folder)
        let known = record.flatMap { try? System.read($0, limit: 1 << 20) }.map { String(decoding: $0, as: UTF8.self) }
        let lines = Set((known ?? "").split(separator: "\n").map { UTF8Key(String($0)) })
        var (differing, verified, isSettled, isNew) = ([String](), [String](), true, false)
        for (name, digest) in digests.sorted(by: { $0.key < $1.key }) {
            let path = "\(folder)/\(name)"
            var status = stat()
            guard stat(path, &status) == 0 else { throw System.failure("look at it", path) }
            let line = "\(digest) \(stamp(status)) \(name)"
            verified.append(line)
            guard !lines.contains(UTF8Key(line)) else { continue }
            isNew = true
            // Whoever changes a file twice within a tick of the clock leaves the same times.
            isSettled = isSettled && Int(time(nil)) - status.st_ctim.tv_sec > 2
            if try Digest.sha256(file: path) != digest { differing.append(name) }
        }
        if differing.isEmpty, isNew, isSettled, let record { write(verified, to: record) }
        return differing
    }

    private static func stamp(_ status: stat) -> String {
        let (content, inode) = (status.st_mtim, status.st_ctim)
        return "\(status.st_size) \(content.tv_sec).\(content.tv_nsec) \(inode.tv_sec).\(inode.tv_nsec) "
            + "\(status.st_ino) \(status.st_dev)"
    }

    /// Where the lines of a folder are; nil where there is no place for them.
    private static func record(of folder: String) -> String? {
        let environment = ProcessInfo.processInfo.environment
        guard let cache = environment["BELFRY_CACHE"] ?? environment["HOME"].map({ $0 + "/.cache/belfry" }),
            !cache.isEmpty, let real = realpath(folder, nil)
        else { return nil }
        defer { free(real) }
        return "\(cache)/verified/\(Digest.sha256(Data(String(cString: real).utf8)).prefix(32))"
    }

    /// Another process may write the same at the same time. That it cannot be written costs the next one some time.
    private static func write(_ lines: [String], to record: String) {
        let temporary = "\(record).\(getpid())"
        guard (try? System.createDirectory(System.parent(of: record))) != nil,
            (try? Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: temporary))) != nil
        else { return }
        if rename(temporary, record) != 0 { unlink(temporary) }
    }
}
