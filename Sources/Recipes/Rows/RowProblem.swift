package import Files

/// A row that cannot be used: where, what and why. Reading goes on with the next one.
package struct RowProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of problems, for counting.
    package enum Kind: String, CaseIterable, Codable, Sendable {
        /// More or fewer columns than the header has.
        case columnCount = "column_count"
        /// Bytes that are not UTF-8.
        case encoding
        /// A zero byte.
        case zeroByte = "zero_byte"
        /// A quoted field that is not closed, or with text after its closing quote.
        case quote
        /// No JSON, or no JSON object.
        case json
        /// A row that is too long.
        case length
        /// A value that does not fit its type, or an id that is missing.
        case value
    }

    /// The line (counted from 1) on which the row starts.
    package var line: Int
    /// What kind of problem.
    package var kind: Kind
    /// What is wrong and why, as one sentence.
    package var message: String

    /// A problem with the row that starts on `line`.
    package init(line: Int, _ kind: Kind, _ message: String) {
        self.line = line
        self.kind = kind
        self.message = message
    }

    /// The problem as an error, for a caller that does not go on.
    package func error(in file: String) -> BelfryError {
        BelfryError(.invalidInput, message, at: .line(line, of: file))
    }

    /// `line 12: …`.
    package var description: String { "line \(line): \(message)" }
}
