import Foundation
import Synchronization
import Testing

@testable import Files

@Suite struct ProgressLineTests {
    @Test func writesWhatPeopleRead() {
        #expect(
            ProgressLine.line("embedding", done: 1_234, total: 5_000, seconds: 3.955)
                == "embedding  1,234 / 5,000  312/s  12 s left")
        #expect(ProgressLine.line("reading", done: 7, total: nil, seconds: 2) == "reading  7  3.5/s")
        #expect(ProgressLine.line("reading", done: 0, total: 10, seconds: 2) == "reading  0 / 10")
        #expect(ProgressLine.line("reading", done: 10, total: 10, seconds: 1) == "reading  10 / 10  10/s")
        #expect(
            ProgressLine.line("reading", done: 1_500_000, total: 28_301_349, seconds: 1.5, unit: .bytes)
                == "reading  1.5 MB / 28.3 MB  1.0 MB/s  27 s left")
        #expect(
            ProgressLine.summary("embedding", done: 36_016, seconds: 125.4) == "embedding  36,016 in 2 min 05 s (287/s)"
        )
        #expect(ProgressLine.duration(0.85) == "850 ms" && ProgressLine.duration(59.6) == "1 min 00 s")
        #expect(ProgressLine.duration(7_500) == "2 h 05 min" && ProgressLine.duration(.infinity) == "∞")
        #expect(ProgressLine.grouped(-1_234_567) == "-1,234,567" && ProgressLine.grouped(.min).count == 26)
    }

    @Test func showsFiveTimesASecondAfterTheFirst() {
        let time = Mutex<TimeInterval>(100)
        let text = Mutex("")
        let line = ProgressLine(
            "work", total: 1_000, clock: { time.withLock { $0 } }, output: { piece in text.withLock { $0 += piece } })
        for step in 1...1_000 {
            time.withLock { $0 = 100 + Double(step) / 400 }
            line.advance(to: step)
            if step < 400 { #expect(text.withLock { $0.isEmpty }) }
        }
        let shown = text.withLock { $0.split(separator: "\r").count }
        #expect((7...9).contains(shown), "\(shown)")
        line.finish()
        line.advance(to: 1_001)
        #expect(text.withLock { $0.hasSuffix("\r\u{1b}[Kwork  1,000 in 3 s (400/s)\n") }, "\(text.withLock { $0 })")
        #expect(line.done == 1_001)
    }

    @Test func isSilentForShortWorkAndWithoutATerminal() {
        let text = Mutex("")
        let short = ProgressLine("work", total: 10, clock: { 5 }, output: { piece in text.withLock { $0 += piece } })
        short.advance(to: 10)
        short.finish()
        #expect(text.withLock { $0.isEmpty })
        let quiet = ProgressLine("work", total: nil, clock: { .random(in: 0...1e6) }, output: nil)
        quiet.advance(to: 1)
        quiet.finish()
    }
}
