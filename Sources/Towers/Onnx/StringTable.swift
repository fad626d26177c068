/// Texts and their numbers: an element of a string tensor is a number, so that operators move 4 bytes and compare numbers.
///
/// A model has one table with the texts of its constants; a run adds its own behind them and forgets them afterwards.
/// Texts are the same if their bytes are, as for other runtimes: é and e◌́ are two.
package final class StringTable {
    private let base: StringTable?
    private let start: Int
    private var texts: [String] = []
    private var numbers: [Bytes: UInt32] = [:]

    /// An empty table, or one that continues `base`, which must not grow any more.
    package init(after base: StringTable? = nil) {
        self.base = base
        start = base?.count ?? 0
    }

    /// How many texts have a number.
    package var count: Int { start + texts.count }

    /// The text's number, a new one if it has none.
    package func number(of text: String) -> UInt32 {
        let bytes = Bytes(text: text)
        if let known = base?.numbers[bytes] ?? numbers[bytes] { return known }
        let number = UInt32(count)
        texts.append(text)
        numbers[bytes] = number
        return number
    }

    /// The text with this number.
    package func text(_ number: UInt32) -> String {
        Int(number) < start ? base!.texts[Int(number)] : texts[Int(number) - start]
    }

    /// Forgets the texts that are not the base's.
    package func clear() {
        guard !texts.isEmpty else { return }
        texts.removeAll(keepingCapacity: true)
        numbers.removeAll(keepingCapacity: true)
    }

    /// A text as what it is made of: a String is equal to all that looks the same.
    private struct Bytes: Hashable {
        let text: String

        static func == (left: Bytes, right: Bytes) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

        func hash(into hasher: inout Hasher) {
            var text = text
            text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        }
    }
}
