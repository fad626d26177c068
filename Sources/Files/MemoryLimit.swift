import Foundation

extension System {
    /// How many bytes of memory, page cache and all, this process may fill: the machine's, or what its control group
    /// (version 1 or 2) or its resource limits leave it.
    public static let memoryLimit: Int = {
        let machine = Int(clamping: ProcessInfo.processInfo.physicalMemory)
        let groups = (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8)) ?? ""
        return min(machine, memoryLimit(groups: groups, root: "/sys/fs/cgroup"), addressLimit ?? .max)
    }()

    /// How many bytes of addresses, or of writable ones, this process may have (`ulimit -v`, `ulimit -d`); nil where
    /// nothing limits them.
    public static var addressLimit: Int? {
        var least: Int?
        for resource in [RLIMIT_AS, RLIMIT_DATA] {
            var limit = rlimit()
            guard getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0,
                limit.rlim_cur < rlim_t(Int.max)
            else { continue }
            least = min(least ?? .max, Int(limit.rlim_cur))
        }
        return least
    }

    /// The least limit of the groups that `/proc/self/cgroup` names and of those that they are in.
    static func memoryLimit(groups: String, root: String) -> Int {
        var least = Int.max
        for line in groups.split(separator: "\n") {
            // "4:memory:/path" in version 1, "0::/path" in version 2.
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let isFirst = parts[1].split(separator: ",").contains("memory")
            guard isFirst || parts[1].isEmpty else { continue }
            let file = isFirst ? "memory.limit_in_bytes" : "memory.max"
            var folder = root + (isFirst ? "/memory" : "")
            for name in [""] + parts[2].split(separator: "/").map(String.init) {
                folder += name.isEmpty ? "" : "/" + name
                let text = (try? String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8)) ?? ""
                if let limit = Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) { least = min(least, limit) }
            }
        }
        return least
    }
}
