import Foundation

/// Where answers and notes go: answers to standard output, everything else to standard error.
enum Terminal {
    /// Columns of the terminal, or 120 where the output is not one.
    static var width: Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 20 else { return 120 }
        return Int(size.ws_col)
    }

    /// A line of an answer. A reader that has gone away ends the process quietly.
    static func print(_ text: String) {
        write(text, to: STDOUT_FILENO)
    }

    /// A line beside the answer: a warning, a count, an error.
    static func note(_ text: String) {
        write(text, to: STDERR_FILENO)
    }

    private static func write(_ text: String, to descriptor: Int32) {
        do {
            try FileHandle(fileDescriptor: descriptor).write(contentsOf: Data((text + "\n").utf8))
        } catch {
            exit(1)
        }
    }
}
