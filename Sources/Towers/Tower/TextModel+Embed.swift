import Files
import Synchronization
import Vectors

extension TextModel {
    /// Tokens of a batch: enough rows to use the processor well, few enough that a layer's results stay in its caches.
    static let batchTokens = 256

    /// Writes the vectors of `texts`, one row each.
    ///
    /// 1. Workers take runs of texts that hold about one batch of tokens, in order.
    /// 2. A worker tokenizes its run, packs it without padding, and runs the encoder on it.
    /// 3. What fits into one run, such as a query, is one worker's; it shares each step of the encoder with others (`Team`).
    ///
    /// Texts are packed in the order given. Engines that pad a batch to its longest text sort by length first; without
    /// padding a short text costs its own tokens and no more beside a long one, so sorting would gain nothing.
    func embed(_ texts: [String], _ job: EmbeddingJob) throws(BelfryError) -> Matrix {
        try embed(texts, extra: 0, job) { (number, workspace) throws(BelfryError) in
            let (text, begin) = (texts[number], workspace.ids.count)
            guard
                self.tokenizer.encode(
                    job.prompt.isEmpty ? text : job.prompt + text, limit: self.maximumTokens, into: &workspace.ids)
            else { throw self.tooLongToCut(text) }
            workspace.texts.append(begin..<workspace.ids.count)
        }
    }

    /// - Parameters:
    ///   - extra: tokens that each of the texts has beside its own.
    ///   - append: puts the tokens of a text into the workspace, by its number.
    func embed(
        _ texts: [String], extra: Int, _ job: EmbeddingJob,
        _ append: @Sendable (Int, Workspace) throws(BelfryError) -> Void
    ) throws(BelfryError) -> Matrix {
        let result = Matrix(rows: texts.count, columns: dimension)
        let runs = runs(of: texts, extra: extra, threads: job.threads)
        let done = Mutex(0)
        let innerThreads = min(job.threads, runs.count) > 1 ? 1 : job.threads
        try WorkPool(threads: job.threads).run(runs.count) { worker in
            workspaces.lend { workspace in
                workspace.threads = innerThreads
                while worker.one({ number throws(BelfryError) in
                    let run = runs[number]
                    try embed(run, job, workspace, append, into: result.pointer + run.lowerBound * dimension)
                    done.withLock { done in
                        done += run.count
                        job.progress?(done)
                    }
                }) {}
            }
        }
        return result
    }

    /// Cuts the texts into runs of about one batch each, guessing a text's tokens from its bytes.
    ///
    /// Few runs are made as many as a multiple of the threads, so that no worker waits for the last.
    private func runs(of texts: [String], extra: Int, threads: Int) -> [Range<Int>] {
        let guesses = texts.map { min($0.utf8.count / 5 + 3 + extra, maximumTokens) }
        let total = guesses.reduce(0, +)
        var count = max((total + Self.batchTokens - 1) / Self.batchTokens, 1)
        if count > 1 { count = (count + threads - 1) / max(threads, 1) * max(threads, 1) }
        var runs: [Range<Int>] = []
        var begin = 0
        var tokens = 0
        for (index, guess) in guesses.enumerated() {
            // A text belongs to the run that its middle lies in.
            if index > begin, (tokens + guess / 2) * count >= (runs.count + 1) * total {
                runs.append(begin..<index)
                begin = index
            }
            tokens += guess
        }
        if begin < texts.count { runs.append(begin..<texts.count) }
        return runs
    }

    /// Embeds a run of texts in batches of up to twice `batchTokens` tokens, or one text: a run's tokens were only
    /// guessed, and a small rest would cost more.
    private func embed(
        _ run: Range<Int>, _ job: EmbeddingJob, _ workspace: Workspace,
        _ append: (Int, Workspace) throws(BelfryError) -> Void, into target: UnsafeMutablePointer<Float>
    ) throws(BelfryError) {
        var target = target
        begin(workspace)
        for number in run {
            try append(number, workspace)
            if workspace.ids.count >= 2 * Self.batchTokens { try encode(workspace, job.skippedTokens, into: &target) }
        }
        try encode(workspace, job.skippedTokens, into: &target)
    }

    func tooLongToCut(_ text: String) -> BelfryError {
        BelfryError(
            .invalidInput, "The text “\(text.prefix(40))” …: \(Tokenizers.tooLongToCut)", at: .init(file: path),
            remedy: Tokenizers.tooLongToCutRemedy)
    }

    func begin(_ workspace: Workspace) {
        workspace.ids.removeAll(keepingCapacity: true)
        workspace.texts.removeAll(keepingCapacity: true)
        workspace.seconds.removeAll(keepingCapacity: true)
    }

    /// Writes the vectors of the texts whose tokens are in the workspace, and begins the next batch.
    /// - Parameters:
    ///   - skipped: how many tokens at a text's start take no part in the pooling.
    ///   - target: goes to behind the last vector.
    func encode(
        _ workspace: Workspace, _ skipped: Int, into target: inout UnsafeMutablePointer<Float>
    ) throws(BelfryError) {
        guard !workspace.texts.isEmpty else { return }
        var isFinite = true
        let vectors = encoder.encode(workspace.ids, texts: workspace.texts, workspace)
        for (index, text) in workspace.texts.enumerated() {
            let rows = encoder.isPooled ? index..<index + 1 : text
            head.apply(
                vectors + rows.lowerBound * encoder.size, count: rows.count,
                skipping: encoder.isPooled ? 0 : skipped, into: target, workspace)
            isFinite = isFinite && (0..<dimension).allSatisfy { target[$0].isFinite }
            target += dimension
        }
        begin(workspace)
        guard isFinite else {
            throw .corrupt("The weights give vectors that are not numbers.", at: .init(file: weights[0].path))
        }
    }
}
