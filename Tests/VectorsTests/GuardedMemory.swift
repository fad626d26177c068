import Foundation

/// Floats between two pages that no one may touch: reading or writing beyond either end kills the test.
final class GuardedMemory {
    /// The first float, directly behind a guard page.
    let start: UnsafeMutablePointer<Float>
    /// One beyond the last float, directly before a guard page.
    let end: UnsafeMutablePointer<Float>
    private let mapping: UnsafeMutableRawPointer
    private let length: Int

    /// Room for at least `count` floats, all NaN.
    init(atLeast count: Int) {
        let page = sysconf(Int32(_SC_PAGESIZE))
        let inside = (count * 4 + page - 1) / page * page
        length = inside + 2 * page
        mapping = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        precondition(mapping != MAP_FAILED)
        mprotect(mapping, page, PROT_NONE)
        mprotect(mapping + page + inside, page, PROT_NONE)
        start = (mapping + page).bindMemory(to: Float.self, capacity: inside / 4)
        end = start + inside / 4
        poison()
    }

    deinit { munmap(mapping, length) }

    /// Makes every float NaN again.
    func poison() { start.update(repeating: .nan, count: end - start) }
}
