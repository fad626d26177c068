public import Files
import Foundation
import Synchronization
public import Vectors

extension Tower {
    /// Tokens of a batch: enough rows to use the processor well, few enough that a layer's results stay in its caches.
    static let batchTokens = 256

    /// The vectors of `texts`, one row each.
    ///
    /// 1. Workers take runs of texts that hold about one batch of tokens, in order.
    /// 2. A worker tokenises its run, packs it without padding, and runs the encoder on it.
    /// 3. What fits into one run, such as a query, is one worker's, who shares each step of the encoder with others.
    ///
    /// Texts are packed in the order given. Engines that pad a batch to its longest text sort by length first; without
    /// padding a short text costs its own tokens and no more beside a long one, so sorting would gain nothing.
    /// - Parameters:
    ///   - role: Whether the texts are queries or documents, for models that were trained with prompts.
    ///   - threads: How many workers, the caller's thread being one of them. The vectors do not depend on it.
    ///   - progress: Called with the number of texts done so far, from any worker, one call at a time.
    /// - Throws: `cancelled` between batches when the caller's task is cancelled; `corruptData` if the weights give
    ///   something that is not a finite number.
    public func embed(
        _ texts: [String], as role: Role? = nil, threads: Int = 2, progress: (@Sendable (Int) -> Void)? = nil
    ) throws(BelfryError) -> Matrix {
        if graph != nil { return try embed(rows(of: texts), as: role, threads: threads, progress: progress) }
        let result = Matrix(rows: texts.count, columns: dimension)
        let runs = runs(of: texts, threads: threads)
        let prompt = prompt(role)
        let skipped = skippedTokens(prompt)
        let state = Mutex(EmbeddingState())
        let workers = max(min(threads, runs.count), 1)
        @Sendable func work(isCaller: Bool) {
            let workspace = workspaces.take()
            workspace.threads = workers == 1 ? threads : 1
            defer { workspaces.give(workspace) }
            while true {
                let isCancelled = isCaller && Task.isCancelled
                let run: Range<Int>? = state.withLock { state in
                    if isCancelled {
                        state.failure = state.failure ?? BelfryError(.cancelled, "The work was cancelled.")
                    }
                    guard state.failure == nil, state.next < runs.count else { return nil }
                    state.next += 1
                    return runs[state.next - 1]
                }
                guard let run else { return }
                let failure = embed(
                    texts[run], prompt, skipping: skipped, workspace, into: result.pointer + run.lowerBound * dimension)
                state.withLock { state in
                    state.done += run.count
                    if let failure { state.failure = state.failure ?? failure }
                    progress?(state.done)
                }
            }
        }
        let others = DispatchGroup()
        for _ in 1..<max(workers, 1) {
            others.enter()
            let thread = Thread {
                work(isCaller: false)
                others.leave()
            }
            thread.stackSize = 1 << 20
            thread.start()
        }
        work(isCaller: true)
        others.wait()
        if let failure = state.withLock({ $0.failure }) { throw failure }
        return result
    }

    /// Cuts the texts into runs of about one batch each, guessing a text's tokens from its bytes.
    ///
    /// Few runs are made as many as a multiple of the threads, so that no worker waits for the last.
    private func runs(of texts: [String], threads: Int) -> [Range<Int>] {
        let guesses = texts.map { min($0.utf8.count / 5 + 3, maximumTokens) }
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
    /// guessed, and a small rest would cost more. What went wrong, if anything did.
    private func embed(
        _ texts: ArraySlice<String>, _ prompt: String, skipping skipped: Int, _ workspace: Workspace,
        into target: UnsafeMutablePointer<Float>
    ) -> BelfryError? {
        var target = target
        var isFinite = true
        workspace.ids.removeAll(keepingCapacity: true)
        workspace.texts.removeAll(keepingCapacity: true)
        func flush() {
            let vectors = encoder.encode(workspace.ids, texts: workspace.texts, workspace)
            for (index, text) in workspace.texts.enumerated() {
                let rows = encoder.isPooled ? index..<index + 1 : text
                head.apply(
                    vectors + rows.lowerBound * encoder.size, count: rows.count,
                    skipping: encoder.isPooled ? 0 : skipped, into: target, workspace)
                isFinite = isFinite && (0..<dimension).allSatisfy { target[$0].isFinite }
                target += dimension
            }
            workspace.ids.removeAll(keepingCapacity: true)
            workspace.texts.removeAll(keepingCapacity: true)
        }
        for text in texts {
            let begin = workspace.ids.count
            guard tokenizer.encode(prompt.isEmpty ? text : prompt + text, limit: maximumTokens, into: &workspace.ids)
            else {
                return BelfryError(
                    .invalidInput, "The text “\(text.prefix(40))” …: \(Self.tooLongToCut)",
                    at: .init(file: path), remedy: Self.tooLongToCutRemedy)
            }
            workspace.texts.append(begin..<workspace.ids.count)
            if workspace.ids.count >= 2 * Self.batchTokens { flush() }
        }
        if !workspace.texts.isEmpty { flush() }
        guard !isFinite else { return nil }
        return .corrupt("The weights give vectors that are not numbers.", at: .init(file: weights[0].path))
    }

    static let tooLongToCut = "The tokenizer's pattern takes too many attempts to cut the text into tokens."
    static let tooLongToCutRemedy = "Shorten the text, or take a model whose tokenizer has a simpler pattern."
}

private struct EmbeddingState {
    var next = 0
    var done = 0
    var failure: BelfryError?
}
