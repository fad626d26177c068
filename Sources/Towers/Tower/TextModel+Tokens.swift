import Files
import Vectors

extension TextModel {
    /// The vectors of texts that the model's own tokenizer has cut already, one row each.
    ///
    /// Ids of another tokenizer would give vectors that mean nothing. What is told apart by is the tokens that the model wants
    /// around every text: other tokenizers give other ones, or none.
    /// - Throws: `invalidInput` that names the text: for ids that there are not, too many of them, or other tokens around them
    ///   than the tokenizer's; `unsupported` where it puts none around a text.
    func embed(tokens texts: [[Int32]], _ job: EmbeddingJob) throws(BelfryError) -> Matrix {
        guard pairs == nil else {
            throw BelfryError(
                .invalidInput, "The tower is a reranker: it reads a query and a text together.", at: .init(file: path))
        }
        for (number, ids) in texts.enumerated() { try require(ids, number) }
        let result = Matrix(rows: texts.count, columns: dimension)
        try workspaces.lend { (workspace) throws(BelfryError) in
            workspace.threads = job.threads
            var target = result.pointer
            begin(workspace)
            for ids in texts {
                let first = workspace.ids.count
                workspace.ids += ids
                workspace.texts.append(first..<workspace.ids.count)
                if workspace.ids.count >= 2 * Self.batchTokens { try encode(workspace, 0, into: &target) }
            }
            try encode(workspace, 0, into: &target)
        }
        return result
    }

    private func require(_ ids: [Int32], _ number: Int) throws(BelfryError) {
        let frame = tokenizer.encode("")
        guard let first = frame.first, let last = frame.last else {
            throw BelfryError(
                .unsupported, "The tower's tokenizer marks no text: its ids cannot be told from another one's.",
                at: .init(file: path), remedy: "Send the texts.")
        }
        func refused(_ why: String) -> BelfryError {
            BelfryError(
                .invalidInput, "Text \(number): \(why).", at: .init(file: path),
                remedy:
                    "Send the texts, or ids of the tower's own tokenizer with the tokens that it puts around a text.")
        }
        let isFramed =
            frame.count == 1
            ? ids.first == first || ids.last == first : ids.count >= 2 && ids.first == first && ids.last == last
        guard isFramed else {
            throw refused("these are no ids of this tower's tokenizer, which begins and ends otherwise")
        }
        if let odd = ids.first(where: { $0 < 0 || $0 > tokenizer.largestID }) {
            throw refused("there is no token \(odd)")
        }
        guard ids.count <= maximumTokens else {
            throw refused("it has \(ids.count) tokens, and may have \(maximumTokens)")
        }
    }
}
