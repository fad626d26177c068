import CStemmer

/// Takes words back to their stems, as “running” to “run”: the Snowball stemmers of a language.
///
/// One user at a time.
final class Stemmer {
    private let stemmer: OpaquePointer

    /// The languages that there are stemmers for, by their English names: “english”.
    static let languages: [String] = {
        var names: [String] = []
        guard var next = sb_stemmer_list() else { return [] }
        while let name = next.pointee {
            names.append(String(cString: name))
            next += 1
        }
        // Those of the literature, which are none of today's languages.
        return names.filter { !["lovins", "porter", "kraaij_pohlmann"].contains($0) }.sorted()
    }()

    /// The stemmer of a language that there is one for.
    init(_ language: String) {
        guard let stemmer = sb_stemmer_new(language, "UTF_8") else {
            preconditionFailure("a language of the list, and memory")
        }
        self.stemmer = stemmer
    }

    deinit { sb_stemmer_delete(stemmer) }

    /// The stem of a word in lowercase.
    func stem(_ word: String) -> String {
        var word = word
        return word.withUTF8 { bytes in
            guard let stem = sb_stemmer_stem(stemmer, bytes.baseAddress, Int32(bytes.count)) else {
                preconditionFailure("there is memory for a word")
            }
            let length = Int(sb_stemmer_length(stemmer))
            return String(decoding: UnsafeBufferPointer(start: stem, count: length), as: UTF8.self)
        }
    }
}
