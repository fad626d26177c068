import Foundation

/// How many files and connections the process may have open.
enum Descriptors {
    /// Asks the system for as many as it gives.
    /// - Returns: How many there may be.
    static func raise() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1_024 }
        if limit.rlim_cur < limit.rlim_max {
            var more = limit
            more.rlim_cur = limit.rlim_max
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &more) == 0 { limit = more }
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// How many of them may be connections. Collections need some, and so do libraries below, one of which ends the process
    /// where it gets none (libdispatch, which looks into /proc).
    static func connections(of limit: Int, atMost most: Int) -> Int {
        max(1, min(most, limit - max(96, limit / 4)))
    }
}
