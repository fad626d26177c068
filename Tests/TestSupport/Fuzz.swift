import Foundation

/// Tests that give a parser many damaged inputs.
public enum Fuzz {
    /// How many inputs: what `BELFRY_FUZZ_EXECUTIONS` says, as `Scripts/fuzz.sh` does, or `usual`.
    public static func executions(_ usual: Int) -> Int {
        ProcessInfo.processInfo.environment["BELFRY_FUZZ_EXECUTIONS"].flatMap { Int($0) } ?? usual
    }
}
