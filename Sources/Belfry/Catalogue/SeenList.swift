import Files
import Foundation
import Shards

/// What a user has seen: points by their ids, each with when, in the order of the ids.
///
/// The ids are what counts: a point that is deleted and comes back, or that the collection does not have yet, is one that the
/// user has seen. Beside each id stands the slot that the point had when the list was written. With it a search finds the
/// rows of ten thousand points without looking an id up; that it still is the right one is seen by the ids of the answers.
struct SeenList: Equatable, Sendable {
    /// A point that was seen.
    struct Mark: Equatable, Sendable {
        var id: PointID
        /// Where the point was; nil where it was not there.
        var slot: Slot?
        /// When, in seconds since 1970.
        var seconds: UInt32
    }

    /// In the order of the ids.
    private(set) var marks: [Mark] = []

    /// The seconds since 1970 of a time; nil before that, and from 2106 on.
    static func seconds(_ time: Date) -> UInt32? { UInt32(exactly: time.timeIntervalSince1970.rounded(.down)) }

    /// Nothing.
    init() {}

    /// These points, no two of the same id.
    init(distinct marks: [Mark]) { self.marks = marks.sorted { $0.id < $1.id } }

    /// These points, in any order; of those of the same id the last.
    init(_ marks: [Mark]) {
        var known: [PointID: Mark] = [:]
        for mark in marks { known[mark.id] = mark }
        self.marks = known.values.sorted { $0.id < $1.id }
    }

    /// The mark of a point.
    func mark(_ id: PointID) -> Mark? {
        let place = marks.partitioningIndex { !($0.id < id) }
        return place < marks.count && marks[place].id == id ? marks[place] : nil
    }

    /// Bytes that it takes.
    var size: Int { marks.count * MemoryLayout<Mark>.stride }

    /// The points' ids.
    var ids: [PointID] { marks.map(\.id) }

    /// Adds points that are not in it.
    mutating func add(_ more: [Mark]) {
        let new = more.filter { mark($0.id) == nil }
        if !new.isEmpty { self = SeenList(marks + new) }
    }

    /// Looks up where points are.
    /// - Parameter all: those whose slot is known as well.
    mutating func findSlots(all: Bool = false, _ slot: (PointID) throws -> Slot?) rethrows {
        for place in marks.indices where all || marks[place].slot == nil {
            marks[place].slot = try slot(marks[place].id)
        }
    }
}

// The bytes: u32 how many ids are numbers, these as u64, the others as the 16 bytes of a UUID; the slots as u32, 2³² − 1 where
// there is none; the seconds as u32. All little-endian.
extension SeenList {
    var bytes: Data {
        var numbers = 0
        var ids: [UInt8] = []
        for mark in marks {
            switch mark.id {
            case .number(let number):
                numbers += 1
                ids.append(littleEndian: number)
            case .uuid(let uuid): withUnsafeBytes(of: uuid.uuid) { ids.append(contentsOf: $0) }
            }
        }
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt32(numbers))
        bytes += ids
        for mark in marks { bytes.append(littleEndian: mark.slot ?? Self.noSlot) }
        for mark in marks { bytes.append(littleEndian: mark.seconds) }
        return Data(bytes)
    }

    /// The list of these bytes; nil where they are none.
    init?(bytes: Data) {
        self.init()
        let marks: [Mark]? = bytes.withUnsafeBytes { bytes in
            guard bytes.count >= 4 else { return nil }
            func number<T: FixedWidthInteger>(_ place: Int, as type: T.Type) -> T {
                T(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: type))
            }
            let numbers = Int(number(0, as: UInt32.self))
            let others = bytes.count - 4 - 16 * numbers
            guard others >= 0, others % 24 == 0 else { return nil }
            let count = numbers + others / 24
            let slots = 4 + 8 * numbers + 16 * (count - numbers)
            return (0..<count).map { place in
                let id: PointID =
                    if place < numbers {
                        .number(number(4 + 8 * place, as: UInt64.self))
                    } else {
                        .uuid(
                            UUID(
                                uuid: bytes.loadUnaligned(
                                    fromByteOffset: 4 + 8 * numbers + 16 * (place - numbers), as: uuid_t.self)))
                    }
                let slot = number(slots + 4 * place, as: UInt32.self)
                return Mark(
                    id: id, slot: slot == Self.noSlot ? nil : slot,
                    seconds: number(slots + 4 * (count + place), as: UInt32.self))
            }
        }
        guard let marks, zip(marks, marks.dropFirst()).allSatisfy({ $0.id < $1.id }) else { return nil }
        self.marks = marks
    }

    private static let noSlot = Slot.max
}

extension Array {
    /// The first place from which on all elements are as `belongs` says.
    func partitioningIndex(_ belongs: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if belongs(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
