import Files
import Foundation
import Vectors

/// The numbers of one tensor, and what keeps them in memory.
struct Weights: @unchecked Sendable {
    /// Valid while this value is alive.
    let pointer: UnsafePointer<Float>
    let count: Int
    private let owner: AnyObject

    /// `count` zeros.
    init(zeros count: Int) {
        let zeros = Matrix(rows: 1, columns: count)
        self.init(mapped: UnsafePointer(zeros.pointer), count: count, owner: zeros)
    }

    init(mapped pointer: UnsafePointer<Float>, count: Int, owner: AnyObject) {
        self.pointer = pointer
        self.count = count
        self.owner = owner
    }

    /// All of a matrix.
    init(_ matrix: Matrix) {
        self.init(mapped: UnsafePointer(matrix.pointer), count: matrix.rows * matrix.columns, owner: matrix)
    }

    /// Lets the memory of the whole pages go until they are read again, if they are those of a mapped file.
    func giveBackPages() {
        guard owner is MappedFile else { return }
        let page = UInt(sysconf(Int32(_SC_PAGESIZE)))
        let first = (UInt(bitPattern: pointer) + page - 1) / page * page
        let end = UInt(bitPattern: pointer + count) / page * page
        if first < end { madvise(UnsafeMutableRawPointer(bitPattern: first), Int(end - first), MADV_DONTNEED) }
    }
}
