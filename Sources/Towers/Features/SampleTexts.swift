/// Texts of many kinds, the same every time: what towers are tried with, and whose vectors a tower keeps to notice that
/// it, or a processor, computes something else.
enum SampleTexts {
    /// In the order in which a tower's canaries have them.
    static let all = [
        "", "a", "The bell tower of the old town hall.", "stainless steel hex bolt M8 x 40",
        "How do I find similar products?", "Ein Café in Zürich, naïve façade", "ПРИВЕТ, мир!", "日本語のテキスト",
        "👩‍👩‍👧 emoji and\ttabs\u{0}", "[SEP] [MASK] special-tokens_in 3.14 ≠ π",
        "antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis",
        String(repeating: "a long text about nothing in particular, again and again; ", count: 12),
    ]
}
