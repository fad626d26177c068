/// Texts and their numbers: an element of a string tensor is a number, so that operators move 4 bytes and compare numbers.
///
/// A model has one table with the texts of its constants; a run adds its own behind them and forgets them afterwards.
package final class StringTable {
    private let base: StringTable?
    private let start: Int
    private var texts: [String] = []
    private var numbers: [String: UInt32] = [:]

    /// An empty table, or one that continues `base`, which must not grow any more.
    package init(after base: StringTable? = nil) {
        self.base = base
        start = base?.count ?? 0
    }

    /// How many texts have a number.
    package var count: Int { start + texts.count }

    /// The text's number, a new one if it has none.
    package func number(of text: String) -> UInt32 {
        if let known = base?.numbers[text] ?? numbers[text] { return known }
        let number = UInt32(count)
        texts.append(text)
        numbers[text] = number
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
}
