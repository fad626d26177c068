import Foundation

/// How much a randomized test does: little in the suite, much in `Scripts/long.sh`, which sets `BELFRY_LONG`.
public enum LongRun {
    /// Whether `Scripts/long.sh` runs it.
    public static let isLong = ProcessInfo.processInfo.environment["BELFRY_LONG"] != nil

    /// One of two amounts.
    public static func choose(_ usual: Int, long: Int) -> Int { isLong ? long : usual }
}
