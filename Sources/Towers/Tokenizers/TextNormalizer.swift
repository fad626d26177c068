/// What is done to a text before it is cut into words: the steps of a tokenizer file's `normalizer`, in order.
struct TextNormalizer: Sendable {
    enum Step: Sendable {
        case form(UnicodeNormalization)
        case lowercase
        /// Drops combining marks.
        case stripAccents
        /// Drops white space at the beginning, at the end.
        case strip(left: Bool, right: Bool)
        /// Puts bytes before a text that is not empty.
        case prepend([UInt8])
        /// Every match becomes these bytes.
        case replace(TextPattern, [UInt8])
        case characterMap(CharacterMap)
        /// Drops control characters and makes spaces of other ones, as SentencePiece's `nmt` rules do.
        case nmt
    }

    var steps: [Step] = []
    /// How many times longer a text may become: more is cut off, so that no file can fill the memory.
    private static let growth = 64

    var lowercases: Bool {
        steps.contains { if case .lowercase = $0 { true } else { false } }
    }

    /// The normalized text: `text` itself, or what was written into one of the buffers.
    ///
    /// `isFirst` says whether the text begins where the whole does; it turns false where its beginning is dropped.
    func apply(
        _ text: UnsafeBufferPointer<UInt8>, _ isFirst: inout Bool, _ scratch: TokenizerScratch
    ) -> UnsafeBufferPointer<UInt8> {
        var text = text
        var target = scratch.normalized
        var other = scratch.otherNormalized
        let maximum = Self.growth * text.count + 65_536
        for step in steps {
            guard !text.isEmpty else { break }
            guard Self.apply(step, &text, &isFirst, maximum, target, scratch.stack) else { continue }
            text = target.text
            swap(&target, &other)
        }
        return text
    }

    /// Writes what the step makes of `text` (true), or only narrows `text` (false).
    private static func apply(
        _ step: Step, _ text: inout UnsafeBufferPointer<UInt8>, _ isFirst: inout Bool, _ maximum: Int,
        _ target: TextBuffer, _ stack: PatternStack
    ) -> Bool {
        switch step {
        case .form(let form): return form.normalize(text, into: target)
        case .characterMap(let map): return map.normalize(text, maximum: maximum, into: target)
        case .lowercase: lowercase(text, into: target)
        case .stripAccents:
            let marks = Self.marks.view
            target.clear()
            filter(text, &isFirst, into: target) { marks.contains($0) ? nil : $0 }
        case .nmt:
            target.clear()
            filter(text, &isFirst, into: target, nmt)
        case .strip(let left, let right):
            strip(&text, left, right, &isFirst)
            return false
        case .prepend(let bytes):
            target.clear()
            target.append(bytes)
            target.append(text)
        case .replace(let pattern, let bytes):
            guard var match = pattern.next(text, from: 0, stack) else { return false }
            // What replaces one character stands where that was; what replaces several, where the last of them was.
            if match.lowerBound == 0, bytes.isEmpty || match.upperBound > UTF8Text.length(text[0]) { isFirst = false }
            target.clear()
            var done = 0
            while true {
                target.append(UnsafeBufferPointer(rebasing: text[done..<match.lowerBound]))
                target.append(bytes)
                done = match.upperBound
                if target.count > maximum { return true }
                guard let next = pattern.next(text, from: done, stack) else { break }
                match = next
            }
            target.append(UnsafeBufferPointer(rebasing: text[done...]))
        }
        return true
    }

    /// Combining marks as the reference library has them: those of Unicode 9, from which U+1CF2, U+1CF3 and U+111C9
    /// have changed sides since.
    private static let marks: ScalarTable = {
        let marks = ScalarClass.category("M")!.ranges.flatMap { $0 }.filter {
            $0 != 0x111c9 && Unicode.Scalar($0)!.properties.age.map { $0.major <= 9 } ?? false
        }
        return ScalarTable(ScalarSet((marks + [0x1cf2, 0x1cf3]).map { $0...$0 }))
    }()

    private static func lowercase(_ text: UnsafeBufferPointer<UInt8>, into target: TextBuffer) {
        guard let bytes = text.baseAddress else { return }
        target.clear()
        target.reserve(text.count)
        var place = 0
        while place < text.count {
            let byte = bytes[place]
            if byte < 0x80 {
                target.append(byte &- 0x41 < 26 ? byte | 0x20 : byte)
                place &+= 1
                continue
            }
            let scalar = UTF8Text.scalar(bytes, &place)
            let properties = Unicode.Scalar(scalar)!.properties
            if properties.changesWhenLowercased {
                for scalar in properties.lowercaseMapping.unicodeScalars { target.append(scalar: scalar.value) }
            } else {
                target.append(scalar: scalar)
            }
        }
    }

    private static func filter(
        _ text: UnsafeBufferPointer<UInt8>, _ isFirst: inout Bool, into target: TextBuffer,
        _ map: (UInt32) -> UInt32?
    ) {
        guard let bytes = text.baseAddress else { return }
        var place = 0
        while place < text.count {
            if let scalar = map(UTF8Text.scalar(bytes, &place)) {
                target.append(scalar: scalar)
            } else if target.count == 0 {
                isFirst = false
            }
        }
    }

    private static func nmt(_ scalar: UInt32) -> UInt32? {
        switch scalar {
        case 0x1...0x8, 0xb, 0xe...0x1f, 0x7f, 0x8f, 0x9f: nil
        case 0x9, 0xa, 0xc, 0xd, 0x1680, 0x200b...0x200f, 0x2028, 0x2029, 0x2581, 0xfeff, 0xfffd: 0x20
        default: scalar
        }
    }

    private static func strip(
        _ text: inout UnsafeBufferPointer<UInt8>, _ left: Bool, _ right: Bool, _ isFirst: inout Bool
    ) {
        guard let bytes = text.baseAddress else { return }
        let spaces = ScalarClass.isWhitespace.view
        var begin = 0
        var end = text.count
        while left, begin < end {
            var next = begin
            guard spaces.contains(UTF8Text.scalar(bytes, &next)) else { break }
            begin = next
            isFirst = false
        }
        while right, end > begin {
            let last = UTF8Text.previous(bytes, end)
            var place = last
            guard spaces.contains(UTF8Text.scalar(bytes, &place)) else { break }
            end = last
        }
        text = UnsafeBufferPointer(rebasing: text[begin..<end])
    }
}
