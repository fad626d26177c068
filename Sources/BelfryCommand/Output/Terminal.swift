import Foundation

/// Where answers and notes go: answers to standard output, everything else to standard error.
enum Terminal {
    /// Columns of the terminal, or 120 where the output is not one.
    static var width: Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 120 }
        return max(40, Int(size.ws_col))
    }

    /// Text of an answer, and a line break. Where nobody can read it, the process ends: quietly if the reader has gone.
    static func print(_ text: String) {
        guard !write(text, to: STDOUT_FILENO) else { return }
        if errno != EPIPE { note("belfry: Cannot write to standard output: \(String(cString: strerror(errno))).") }
        exit(1)
    }

    /// A line beside the answer: a warning, a count, an error. The work goes on where nobody can read it.
    static func note(_ text: String) {
        _ = write(text, to: STDERR_FILENO)
    }

    /// Says which files of killed processes were removed, if there were any.
    static func noteRemoved(_ paths: [String]) {
        guard !paths.isEmpty else { return }
        note("Removed what an interrupted run had left: \(paths.joined(separator: ", ")).")
    }

    /// Gives closed standard streams something to be, so that no file of ours gets their numbers.
    static func openStandardStreams() {
        // A reader that went away (`belfry … | head`) ends a write with an error, not the process with a signal.
        signal(SIGPIPE, SIG_IGN)
        // The same for a file that would become larger than allowed (`ulimit -f`).
        signal(SIGXFSZ, SIG_IGN)
        for descriptor in 0...2 where fcntl(Int32(descriptor), F_GETFD) < 0 { _ = open("/dev/null", O_RDWR) }
    }

    private static func write(_ text: String, to descriptor: Int32) -> Bool {
        var rest = Array((text + "\n").utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
