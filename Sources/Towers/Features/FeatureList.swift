import Files

/// How lists of different lengths become one tensor: cut, padded, with a mask and their lengths beside it.
struct FeatureList: Hashable, Sendable {
    enum End: String, Hashable, Sendable, CaseIterable { case first, last }
    enum Side: String, Hashable, Sendable, CaseIterable { case left, right }

    /// The most elements of a row.
    var length: Int
    /// How wide every batch is, at least `length`; nil if it is as wide as its longest row.
    var fixedWidth: Int?
    /// Which end of a longer list is kept: the first elements, or, as for a history, the last ones.
    var keeps = End.first
    /// On which side shorter lists are padded.
    var pads = Side.right
    /// What they are padded with; nil if nothing says it: then it is 0, and no row may be padding alone.
    var padding: Int64?
    /// The least elements of a row: a recurrent model has no state before the first.
    var minimum = 0
    /// The input that gets 1 for an element and 0 for padding, [rows, width].
    var mask: Int?
    /// The input that gets how many elements each row has, [rows].
    var lengths: Int?
    /// The input that gets zeros, [rows, width]: the token types of a single text.
    var zeros: Int?
    /// The input that gets the place of each element, [rows, width], counted from `firstPosition`.
    var positions: Int?
    var firstPosition = 0

    var isFixed: Bool { fixedWidth != nil }
    /// Inputs of the same width as the list's own.
    var companions: [Int] { [mask, zeros, positions].compactMap { $0 } }

    /// Cuts what was appended to the batch's elements since `begin`, and ends the row there.
    func endRow(from begin: Int, _ batch: FeatureBatch) throws(FeatureProblem) {
        let count = batch.flat.count - begin
        guard count >= minimum else {
            throw FeatureProblem(
                count == 0
                    ? "The list has no element that is known; \(minimum) are needed at least."
                    : "The list has \(count) elements; \(minimum) are needed at least.")
        }
        guard count > 0 || mask != nil || lengths != nil || padding != nil else {
            throw FeatureProblem(
                "The list is empty, and the model would take its padding for an element.",
                remedy: "Leave the row out, or give the column the “padding” that the model was trained with.")
        }
        if count > length {
            let surplus = count - length
            batch.flat.removeSubrange(keeps == .first ? begin + length..<begin + count : begin..<begin + surplus)
        }
        batch.ends.append(batch.flat.count)
    }

    /// Writes the elements of all rows into `input` and its companions, and forgets them.
    func write(_ batch: FeatureBatch, _ input: Int) {
        var begin = 0
        var longest = 1
        for end in batch.ends {
            longest = max(longest, end - begin)
            begin = end
        }
        let width = fixedWidth ?? longest
        for tensor in [input] + companions { batch.resize(tensor, width: width) }
        let padding = padding ?? 0
        if let lengths { batch.resize(lengths, width: 1) }
        begin = 0
        var counts: [Int] = []
        for (row, end) in batch.ends.enumerated() {
            let count = end - begin
            if padding != 0 { for place in 0..<width { batch.set(padding, input, at: row * width + place) } }
            let start = row * width + (pads == .left ? width - count : 0)
            for index in 0..<count {
                batch.set(batch.flat[begin + index], input, at: start + index)
                if let mask { batch.mark(mask, at: start + index) }
            }
            if let positions {
                // Padding behind the elements goes on counting: it is a place that the model has, as they are.
                for place in start..<(row + 1) * width {
                    batch.set(Int64(firstPosition + place - start), positions, at: place)
                }
            }
            if let lengths { batch.set(Int64(count), lengths, at: row) }
            counts.append(count)
            begin = end
        }
        batch.setElements(counts, of: input, padsLeft: pads == .left)
        batch.flat.removeAll(keepingCapacity: true)
        batch.ends.removeAll(keepingCapacity: true)
    }
}
