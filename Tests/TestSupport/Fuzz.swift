import Foundation

/// Tests that give a parser many damaged inputs.
public enum Fuzz {
    /// How many inputs: what `BELFRY_FUZZ_EXECUTIONS` says, as `Scripts/fuzz.sh` does, or `usual`.
    public static func executions(_ usual: Int) -> Int {
        ProcessInfo.processInfo.environment["BELFRY_FUZZ_EXECUTIONS"].flatMap { Int($0) } ?? usual
    }

    /// How many seconds of a core this thread has used: what something takes on a machine that is busy with others.
    public static var seconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
    }
}
