package import Files
import Foundation

extension Aliases {
    /// A second collection, or another version, that is tried under a name while the first one goes on.
    public struct Trial: Hashable, Sendable {
        /// What is tried.
        public var target: Target
        /// The part of what is asked that it gets, from above 0 to 1.
        public var share: Double
        /// Whether it is asked as well, and the first one answers; otherwise it answers its part itself.
        public var isShadow: Bool
        /// The header of a request whose value says who is of the part: one caller always gets the answers of the same. What comes
        /// without it gets those of the first.
        public var header: String

        /// A trial.
        public init(_ target: Target, share: Double, isShadow: Bool = false, by header: String = Self.usualHeader) {
            (self.target, self.share, self.isShadow, self.header) = (target, share, isShadow, header)
        }

        /// The header where none is named.
        public static let usualHeader = "x-user"
    }
}

extension Aliases.Trial {
    /// Whether a caller is of the part that gets the answers of what is tried. Who is of a small part is of every larger one as
    /// well, and the parts of two names have nothing to do with one another.
    /// - Parameter value: what the header says; nil for a request without it.
    package func answers(_ value: String?, under name: String) -> Bool {
        guard !isShadow, let value, !value.isEmpty else { return false }
        let digits = Digest.sha256(Data("\(name)\n\(value)".utf8)).prefix(12)
        return Double(Int(digits, radix: 16) ?? 0) / 0x1p48 < share
    }

    /// - Throws: `invalidInput` for a share or a header that is none.
    package func check() throws(BelfryError) {
        guard share > 0, share <= 1 else {
            throw BelfryError(
                .invalidInput, "A share of \(share) cannot be tried.", remedy: "Give one above 0 and up to 1, as 0.1.")
        }
        let isName = header.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
        }
        guard isName, 1...64 ~= header.utf8.count else {
            throw BelfryError(
                .invalidInput, "\(header.debugDescription) is no header's name.",
                remedy: "Write it in small letters, as \(Self.usualHeader).")
        }
    }

    /// As `aliases.json` has it.
    package var json: JSON {
        [
            "to": .string(target.description), "share": .number(share), "shadow": .bool(isShadow),
            "header": .string(header),
        ]
    }

    /// Nil for what is none.
    init?(_ json: JSON) {
        guard let to = json["to"]?.string, let share = json["share"]?.number, let isShadow = json["shadow"]?.bool,
            let header = json["header"]?.string
        else { return nil }
        self.init(.init(to), share: share, isShadow: isShadow, by: header)
        guard (try? check()) != nil else { return nil }
    }
}
