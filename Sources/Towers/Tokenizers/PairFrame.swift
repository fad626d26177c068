import Files

/// Makes one sequence of two texts, as cross-encoders read them.
///
/// | family | sequence |
/// |---|---|
/// | BERT, DistilBERT | `[CLS] query [SEP] text [SEP]` |
/// | RoBERTa, XLM-R, MPNet | `<s> query </s></s> text </s>` |
struct PairFrame: Sendable {
    private let tokenizer: any Tokenizer
    private let first: Int32
    private let between: [Int32]
    private let last: Int32

    /// How many tokens stand around and between the texts.
    var count: Int { 2 + between.count }

    /// - Parameter separators: how many tokens stand between the two texts.
    /// - Throws: `unsupported` for a tokenizer that puts anything but one token before and one behind a text.
    init(_ tokenizer: any Tokenizer, separators: Int, folder: String) throws(BelfryError) {
        let frame = tokenizer.encode("")
        let letter = tokenizer.encode("a")
        guard frame.count == 2, letter.count > 2, letter.first == frame[0], letter.last == frame[1] else {
            throw BelfryError(
                .unsupported, "The tokenizer does not put one token before and one behind a text.",
                at: .init(file: folder),
                remedy: "Save it with the template of its model: "
                    + "AutoTokenizer.from_pretrained(folder).save_pretrained(folder).")
        }
        self.tokenizer = tokenizer
        (first, last) = (frame[0], frame[1])
        between = Array(repeating: last, count: separators)
    }

    /// The tokens of one text without what stands around it, no more than `limit`; nil where the tokenizer gives up.
    func tokens(_ text: String, limit: Int) -> [Int32]? {
        var ids: [Int32] = []
        guard tokenizer.encode(text, limit: limit + 2, into: &ids) else { return nil }
        return Array(ids.dropFirst().dropLast())
    }

    /// Appends the sequence of both, cut to `limit` tokens.
    /// - Returns: The place in `ids` where the second text begins.
    func append(_ query: [Int32], _ text: [Int32], limit: Int, to ids: inout [Int32]) -> Int {
        let (queryCount, textCount) = Self.lengths(query.count, text.count, limit: limit - count)
        ids.append(first)
        ids.append(contentsOf: query.prefix(queryCount))
        ids.append(contentsOf: between)
        let second = ids.count
        ids.append(contentsOf: text.prefix(textCount))
        ids.append(last)
        return second
    }

    /// How many tokens are left of two texts that may have `limit` together: the longer one is cut, and where that is not
    /// enough, both have half. So does the tokenizers library (`longest_first`).
    static func lengths(_ query: Int, _ text: Int, limit: Int) -> (Int, Int) {
        guard query + text > limit else { return (query, text) }
        let shorter = min(query, text)
        let half = (shorter: limit / 2, longer: limit - limit / 2)
        let (short, long) = shorter <= half.shorter ? (shorter, limit - shorter) : half
        return query <= text ? (short, long) : (long, short)
    }

    /// Refuses a tokenizer whose file puts other tokens between two texts than the models of its family are trained with.
    func check(_ folder: String) throws(BelfryError) {
        let file = folder + "/tokenizer.json"
        guard System.exists(file), let processor = try StrictObject(file: file).object("post_processor"),
            let pieces = try processor.array("pair"), !pieces.isEmpty
        else { return }
        let order = pieces.map { $0["Sequence"]?["id"]?.string ?? "·" }.joined()
        let wanted = "·A" + String(repeating: "·", count: between.count) + "B·"
        guard order == wanted else {
            throw BelfryError(
                .unsupported, "The tokenizer's template for two texts is \(order), not \(wanted) (· is a token).",
                at: .init(file: file, place: "post_processor.pair"))
        }
    }
}
