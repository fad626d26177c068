import Foundation

/// A number of bytes as people write it: `1G`, `512M`, `1.5G`, `1GiB`, `1073741824`. K, M, G and T are powers of 1,024, as for
/// `docker --memory` and `systemd`.
public struct ByteSize: Hashable, Sendable {
    /// How many bytes.
    public let bytes: Int

    /// The size that `text` stands for; nil for anything else, and for what is less than a byte or beyond memory.
    public init?(_ text: some StringProtocol) {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let unit = text.dropFirst(number.count).uppercased()
        let units = ["": 0, "B": 0, "K": 10, "M": 20, "G": 30, "T": 40]
        let letter = unit.hasSuffix("IB") && unit.count == 3 ? String(unit.prefix(1)) : unit
        guard let shift = units[letter], let value = Double(number), number.first != ".", number.last != "." else {
            return nil
        }
        let bytes = (value * Double(1 << shift)).rounded()
        guard bytes >= 1, bytes < 0x1p62 else { return nil }
        self.bytes = Int(bytes)
    }

    /// A number of bytes.
    public init(bytes: Int) { self.bytes = bytes }
}

extension ByteSize: CustomStringConvertible {
    /// The size as an option takes it, rounded up to a whole mebibyte where it is larger than one.
    public var description: String {
        let mebibyte = 1 << 20
        guard bytes > mebibyte else { return "\(bytes)" }
        let mebibytes = (bytes + mebibyte - 1) / mebibyte
        return mebibytes % 1_024 == 0 ? "\(mebibytes / 1_024)G" : "\(mebibytes)M"
    }
}
