import Files
import Foundation
import Shards

/// The dictionary of a keyword or text index: texts in the order of their bytes, each with its slots.
struct FieldDictionary {
    /// How many texts there are.
    let count: Int
    private let sections: FieldSections
    private let bytes: UnsafeRawBufferPointer
    private let starts: UnsafeBufferPointer<UInt64>
    private let firsts: UnsafeBufferPointer<UInt64>
    private let all: UnsafeBufferPointer<Slot>

    init(_ sections: FieldSections) throws(BelfryError) {
        self.sections = sections
        bytes = try sections.bytes("keys")
        starts = try sections.column("starts", of: UInt64.self)
        firsts = try sections.column("firsts", of: UInt64.self)
        all = try sections.column("slots", of: Slot.self)
        guard starts.count == firsts.count, starts.count > 0 else {
            throw sections.corrupt("starts", 0, "has \(starts.count) numbers beside \(firsts.count)")
        }
        count = starts.count - 1
    }

    /// The bytes of a text.
    func utf8(_ place: Int) throws(BelfryError) -> UnsafeRawBufferPointer {
        let (start, end) = (starts[place], starts[place + 1])
        guard start <= end, end <= UInt64(bytes.count) else {
            throw sections.corrupt("starts", 8 * place, "leads to \(start)..<\(end) of \(bytes.count) bytes")
        }
        return UnsafeRawBufferPointer(rebasing: bytes[Int(start)..<Int(end)])
    }

    /// A text.
    func text(_ place: Int) throws(BelfryError) -> String { String(decoding: try utf8(place), as: UTF8.self) }

    /// The slots of a text, in order.
    func slots(_ place: Int) throws(BelfryError) -> UnsafeBufferPointer<Slot> { try slots(place..<place + 1) }

    /// The slots of texts that stand one behind the other; in order where it is one text.
    func slots(_ places: Range<Int>) throws(BelfryError) -> UnsafeBufferPointer<Slot> {
        let (start, end) = (firsts[places.lowerBound], firsts[places.upperBound])
        guard start <= end, end <= UInt64(all.count) else {
            throw sections.corrupt(
                "firsts", 8 * places.lowerBound, "leads to \(start)..<\(end) of \(all.count) slots")
        }
        return UnsafeBufferPointer(rebasing: all[Int(start)..<Int(end)])
    }

    /// The place of a text; nil where it is not one of them.
    func place(of text: UTF8Key) throws(BelfryError) -> Int? {
        let place = try firstPlace(from: text)
        guard place < count, try utf8(place).elementsEqual(text.text.utf8) else { return nil }
        return place
    }

    /// The places of the texts that begin with `start`.
    func places(prefix start: UTF8Key) throws(BelfryError) -> Range<Int> {
        let low = try firstPlace(from: start)
        var (left, right) = (low, count)
        while left < right {
            let middle = (left + right) / 2
            if try utf8(middle).starts(with: start.text.utf8) { left = middle + 1 } else { right = middle }
        }
        return low..<left
    }

    /// The first place whose text is not before `text`.
    private func firstPlace(from text: UTF8Key) throws(BelfryError) -> Int {
        var wanted = text.text
        wanted.makeContiguousUTF8()
        var (left, right) = (0, count)
        while left < right {
            let middle = (left + right) / 2
            let found = try utf8(middle)
            let isBefore = wanted.withUTF8 { wanted in
                let order = memcmp(
                    found.baseAddress ?? UnsafeRawPointer(wanted.baseAddress!), wanted.baseAddress!,
                    min(found.count, wanted.count))
                return order < 0 || (order == 0 && found.count < wanted.count)
            }
            if isBefore { left = middle + 1 } else { right = middle }
        }
        return left
    }
}
