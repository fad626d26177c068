public import Files
import Synchronization
package import Vectors

/// The number of a point inside its collection: given at its first upsert, never given again.
public typealias Slot = UInt32

/// Reads the file `slots` through a mapping: row → slot, and slot → row.
///
/// A ``SegmentFile`` of kind `slots`, version 1, with two sections of 4 bytes per row:
///
/// | section | what |
/// |---|---|
/// | `slots` | u32 the slot of each row; no slot twice |
/// | `order` | u32 the rows by growing slot |
///
/// Both are verified when the file is opened: a wrong slot would let an old version of a point live on beside the new one.
public final class SlotsReader: Sendable {
    static let version = 1

    /// How many rows there are.
    public let count: Int
    private let file: SegmentFile
    private let slots: Range<Int>
    private let order: Range<Int>
    private let tables = Mutex<(first: Slot, rows: [UInt32])?>(nil)

    /// Maps the file at `path` and verifies all of it.
    /// - Throws: `notFound`, `corruptData` with the byte offset, or `unsupported` for a newer format.
    public init(_ path: String) throws(BelfryError) {
        file = try SegmentFile(path, kind: .slots, newest: Self.version)
        slots = try file.range(of: "slots")
        order = try file.range(of: "order")
        count = slots.count / 4
        guard slots.count % 4 == 0, order.count == slots.count else {
            throw .corrupt(
                "\(slots.count) bytes of slots do not go with \(order.count) of their order.",
                at: .byte(slots.lowerBound, of: path))
        }
        for section in ["slots", "order"] { _ = try file.verifiedBytes(of: section) }
        // What is right by its checksum may still come from somebody who lies.
        var last: Slot?
        for place in 0..<count {
            let row = Int(word(order, place))
            guard row < count, last.map({ $0 < slot(row) }) ?? true else {
                throw .corrupt(
                    "The rows are not in the order of their slots.", at: .byte(order.lowerBound + place * 4, of: path))
            }
            last = slot(row)
        }
    }

    /// Where the file was when it was opened.
    public var path: String { file.path }
    /// Bytes of the file.
    public var fileBytes: Int { file.file.bytes.count }

    /// Reads every byte of the file at `path` and returns all that is wrong with it.
    static func check(_ path: String) throws(BelfryError) -> [BelfryError] {
        let problems = try SegmentFile(path).problems()
        if problems.isEmpty { _ = try SlotsReader(path) }
        return problems
    }

    /// The slot of a row.
    public func slot(_ row: Int) -> Slot {
        precondition(row >= 0 && row < count, "a row of this file")
        return word(slots, row)
    }

    /// The rows that have one of these slots: slot by slot where they are few, row by row where they are many.
    package func rows(in wanted: RowSet) -> RowSet {
        if wanted.count < count / 8, let table = rowsBySlot {
            var rows = RowSet(capacity: count)
            for slot in wanted.listed where slot >= table.first && Int(slot - table.first) < table.rows.count {
                let row = table.rows[Int(slot - table.first)]
                if row != Self.noRow { rows.insert(Int(row)) }
            }
            return rows
        }
        // A pass over memory in order, without a check of each place.
        let numbers = file.file.bytes.baseAddress! + slots.lowerBound
        return wanted.words.withUnsafeBufferPointer { words in
            RowSet(capacity: count) { index in
                var word: UInt64 = 0
                for row in index * 64..<min(index * 64 + 64, count) {
                    let slot = UInt32(littleEndian: numbers.loadUnaligned(fromByteOffset: row * 4, as: UInt32.self))
                    let place = Int(slot >> 6)
                    let has = place < words.count ? words[place] >> UInt64(slot & 63) & 1 : 0
                    word |= has << UInt64(row & 63)
                }
                return word
            }
        }
    }

    /// The row of each slot from the first one on; nil where the slots have too many gaps for that. Made when somebody first
    /// asks for few slots of many: 4 bytes for each.
    private var rowsBySlot: (first: Slot, rows: [UInt32])? {
        tables.withLock { tables in
            if let table = tables { return table.rows.isEmpty ? nil : table }
            var table = (first: Slot(0), rows: [UInt32]())
            if count > 0 {
                let (first, last) = (slot(Int(word(order, 0))), slot(Int(word(order, count - 1))))
                if Int(last - first) < 4 * count + 1_024 {
                    table = (first, [UInt32](repeating: Self.noRow, count: Int(last - first) + 1))
                    for row in 0..<count { table.rows[Int(slot(row) - first)] = UInt32(row) }
                }
            }
            tables = table
            return table.rows.isEmpty ? nil : table
        }
    }

    private static let noRow = UInt32.max

    /// The row of a slot; nil where no row has it.
    public func row(of slot: Slot) -> Int? {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            let row = Int(word(order, middle))
            let found = word(slots, row)
            if found == slot { return row }
            if found < slot { low = middle + 1 } else { high = middle }
        }
        return nil
    }

    private func word(_ section: Range<Int>, _ index: Int) -> UInt32 {
        file.file.bytes.loadLittle(section.lowerBound + index * 4, as: UInt32.self)
    }
}
