package import Foundation

extension Timestamp {
    /// The whole second of a date.
    package init(_ date: Date) { self.init(microseconds: Int64(date.timeIntervalSince1970) * 1_000_000) }

    /// The same as a date.
    package var date: Date { Date(timeIntervalSince1970: TimeInterval(microseconds) / 1_000_000) }
}
