/// Names of files and folders that are numbered: at least six digits, `000012`, so that they sort as their numbers do.
package enum NumberedName {
    /// The name of a number.
    package static func name(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    }

    /// The number, from 1 on, that a name stands for; nil for a name that ``name(_:)`` does not make.
    package static func number(of name: String) -> Int? {
        guard let number = Int(name), number > 0, Self.name(number).hasSameBytes(as: name) else { return nil }
        return number
    }
}
