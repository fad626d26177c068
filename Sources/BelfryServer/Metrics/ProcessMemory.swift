import Foundation

/// What the process takes of the machine, in bytes; 0 where the system does not say.
struct ProcessMemory {
    /// Addresses that it has.
    var virtual = 0
    /// What is in memory, mapped files among it.
    var resident = 0
    /// What is in memory, without files.
    var own = 0
    /// Addresses of its own data and stacks.
    var data = 0

    /// As it is now.
    static var now: ProcessMemory {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return .init() }
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let sizes = text.split(whereSeparator: \.isWhitespace).map { (Int($0) ?? 0) * page }
        guard sizes.count > 5 else { return .init() }
        return ProcessMemory(virtual: sizes[0], resident: sizes[1], own: max(0, sizes[1] - sizes[2]), data: sizes[5])
    }
}
