/// A point in time, to the microsecond.
///
/// It is read as RFC 3339 has it, and as people and programs write it, too: `2026-01-01`, `2026-01-01 12:30`,
/// `2026-01-01T12:30:00.5+0100`. What does not say its offset is in UTC. A second 60 is the next minute's first.
public struct Timestamp: Hashable, Comparable, Sendable {
    /// Microseconds since the first of January, 1970, UTC, rounded down.
    public let microseconds: Int64

    /// A point in time.
    public init(microseconds: Int64) { self.microseconds = microseconds }

    /// The first that can be written.
    static let earliest = Timestamp(microseconds: day(year: -262_142, month: 1, day: 2) * 86_400_000_000)

    /// Which is earlier.
    public static func < (first: Timestamp, second: Timestamp) -> Bool { first.microseconds < second.microseconds }

    /// The time that a text says; nil if it says none.
    public init?(_ text: String) {
        var bytes = text
        let found = bytes.withUTF8 { bytes -> Int64? in
            var zoned = TimestampReader(bytes, isZoned: true)
            if let time = zoned.time() { return time }
            var plain = TimestampReader(bytes, isZoned: false)
            return plain.time()
        }
        guard let found else { return nil }
        microseconds = found
    }
}

extension Timestamp: CustomStringConvertible {
    /// As RFC 3339 has it, in UTC. Years beyond 9999 have a sign.
    public var description: String {
        let (seconds, fraction) = (microseconds.floor(1_000_000), microseconds.modulo(1_000_000))
        let (days, rest) = (seconds.floor(86_400), seconds.modulo(86_400))
        let (year, month, day) = Self.date(day: days)
        var text = (0...9_999).contains(year) ? padded(year, 4) : (year < 0 ? "-" : "+") + padded(abs(year), 4)
        text += "-\(padded(month, 2))-\(padded(day, 2))T\(padded(rest / 3_600, 2)):\(padded(rest / 60 % 60, 2)):"
        text += padded(rest % 60, 2)
        return text + (fraction == 0 ? "Z" : ".\(padded(fraction, 6))Z")
    }

    private func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// The day since 1970 of a date of the Gregorian calendar, whose years begin in March here (Hinnant, "chrono-Compatible
    /// Low-Level Date Algorithms", 2013).
    static func day(year: Int64, month: Int64, day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = (year.floor(400), year.modulo(400))
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func date(day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = ((day + 719_468).floor(146_097), (day + 719_468).modulo(146_097))
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let place = (5 * dayOfYear + 2) / 153
        let month = place < 10 ? place + 3 : place - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * place + 2) / 5 + 1)
    }
}

extension Int64 {
    fileprivate func floor(_ divisor: Int64) -> Int64 { (self - modulo(divisor)) / divisor }
    fileprivate func modulo(_ divisor: Int64) -> Int64 { (self % divisor + divisor) % divisor }
}

/// Reads a time from its bytes: one with an offset, in which spaces may stand around each part, or one without.
private struct TimestampReader {
    private let bytes: UnsafeBufferPointer<UInt8>
    private let isZoned: Bool
    private var place = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>, isZoned: Bool) { (self.bytes, self.isZoned) = (bytes, isZoned) }

    mutating func time() -> Int64? {
        guard let day = date() else { return nil }
        var (seconds, fraction): (Int64, Int64) = (day * 86_400, 0)
        if isZoned || place < bytes.count {
            guard separator(), let clock = clock() else { return nil }
            seconds += clock.seconds
            fraction = clock.fraction
        }
        if isZoned {
            skipSpace()
            guard let offset = offset() else { return nil }
            seconds -= offset
            skipSpace()
        }
        guard place == bytes.count else { return nil }
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        let (sum, carry) = whole.addingReportingOverflow(fraction)
        return overflow || carry ? nil : sum
    }

    private mutating func date() -> Int64? {
        skipSpace()
        let isNegative = take("-")
        let isSigned = isNegative || take("+")
        guard let size = number(digits: isSigned ? 6 : 4), take(after: "-"), let month = number(), take(after: "-"),
            let day = number()
        else { return nil }
        let year = isNegative ? -size : size
        guard abs(year) <= 262_142, (1...12).contains(month), day >= 1, day <= Self.days(year, month) else {
            return nil
        }
        return Timestamp.day(year: year, month: month, day: day)
    }

    private static func days(_ year: Int64, _ month: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private mutating func separator() -> Bool {
        take("T") || isZoned && take("t") || take(" ")
    }

    /// Hours and minutes, with seconds unless there is no offset, and the microseconds.
    private mutating func clock() -> (seconds: Int64, fraction: Int64)? {
        guard let hour = number(), hour < 24, take(after: ":"), let minute = number(), minute < 60 else { return nil }
        let start = place
        guard take(after: ":") else {
            place = start
            return isZoned ? nil : (hour * 3_600 + minute * 60, 0)
        }
        guard let second = number(), second <= 60 else { return nil }
        var fraction: Int64 = 0
        if take(".") {
            guard digit != nil else { return nil }
            var unit: Int64 = 100_000
            while let digit {
                fraction += digit * unit
                unit /= 10
                place += 1
            }
        }
        return (hour * 3_600 + minute * 60 + second, fraction)
    }

    /// Seconds east of UTC: `Z`, `UTC`, `+01:00`, `+0100` or `+01`, with a hyphen or a minus sign.
    private mutating func offset() -> Int64? {
        if take("Z") || take("z") { return 0 }
        if bytes.count - place >= 3, (0..<3).allSatisfy({ bytes[place + $0] | 0x20 == Array("utc".utf8)[$0] }) {
            place += 3
            return 0
        }
        var sign: Int64 = 1
        if take("-") {
            sign = -1
        } else if bytes.count - place >= 3, bytes[place] == 0xe2, bytes[place + 1] == 0x88, bytes[place + 2] == 0x92 {
            place += 3
            sign = -1
        } else if !take("+") {
            return nil
        }
        guard let hours = twoDigits(), hours < 24 else { return nil }
        let start = place
        skipSpace()
        if take(":") { skipSpace() }
        if place == bytes.count {
            // Only spaces, or nothing: an offset of whole hours.
            guard place == start || bytes[place - 1] != UInt8(ascii: ":") else { return nil }
            return sign * hours * 3_600
        }
        guard let minutes = twoDigits(), minutes < 60 else { return nil }
        return sign * (hours * 3_600 + minutes * 60)
    }

    private var digit: Int64? {
        place < bytes.count && bytes[place] &- 48 < 10 ? Int64(bytes[place] - 48) : nil
    }

    private mutating func twoDigits() -> Int64? {
        guard let tens = digit else { return nil }
        place += 1
        guard let ones = digit else { return nil }
        place += 1
        return tens * 10 + ones
    }

    /// One to `digits` digits, behind spaces.
    private mutating func number(digits: Int = 2) -> Int64? {
        skipSpace()
        var (value, count): (Int64, Int) = (0, 0)
        while count < digits, let digit {
            value = value * 10 + digit
            count += 1
            place += 1
        }
        return count > 0 ? value : nil
    }

    private mutating func skipSpace() {
        while place < bytes.count, bytes[place] == 32 || (9...13).contains(bytes[place]) { place += 1 }
    }

    private mutating func take(_ letter: Unicode.Scalar) -> Bool {
        guard place < bytes.count, bytes[place] == UInt8(ascii: letter) else { return false }
        place += 1
        return true
    }

    /// A sign between two numbers.
    private mutating func take(after letter: Unicode.Scalar) -> Bool {
        if isZoned { skipSpace() }
        return take(letter)
    }
}
