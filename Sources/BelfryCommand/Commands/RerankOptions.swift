import ArgumentParser
import Belfry
import Files
import Foundation
import Towers

/// How the best answers to a text are read once more.
struct RerankOptions: ParsableArguments {
    @Option(
        name: .customLong("rerank"),
        help: "Put the best answers in the order of this cross-encoder (default: the recipe's, where it has one).")
    var tower: String?
    @Option(name: .customLong("rerank-top"), help: "How many of the best answers it reads (default: 50).")
    var top: Int?
    @Option(
        name: .customLong("rerank-fields"),
        help:
            "The payload fields that it reads, with commas between (default: those that are searched by words, or shown)."
    )
    var fields: String?
    @Option(
        name: .customLong("rerank-milliseconds"),
        help: "How long reading may take; what has not been read by then follows in its order.")
    var milliseconds: Int?
    @Flag(name: .customLong("no-rerank"), help: "Leave the answers as they were found.") var isOff = false

    /// Whether the command line asks for it.
    var isAsked: Bool { tower != nil || top != nil || fields != nil || milliseconds != nil }

    func validate(hasText: Bool) throws {
        guard !(isOff && isAsked) else {
            throw ValidationError("--no-rerank leaves nothing for the other --rerank options.")
        }
        guard hasText || !isAsked else { throw ValidationError("Answers are reranked with a text; a vector has none.") }
        guard (1...Reranking.mostTop).contains(top ?? 1) else {
            throw ValidationError("--rerank-top takes a number from 1 to \(Reranking.mostTop).")
        }
        guard milliseconds ?? 1 > 0 else { throw ValidationError("--rerank-milliseconds takes a number from 1 on.") }
    }

    /// The request, with its answers read once more where that is asked for.
    func applied(
        to request: SearchRequest, _ text: String, _ collection: VectorCollection
    ) throws -> SearchRequest {
        guard !isOff, let reranking = try reranking(text, collection) else { return request }
        var reranked = request.reranked(reranking)
        reranked.threads = ProcessInfo.processInfo.activeProcessorCount
        return reranked
    }

    private func reranking(_ text: String, _ collection: VectorCollection) throws -> Reranking? {
        let fields = fields.map { $0.split(separator: ",").map(String.init) }
        guard var reranking = try collection.reranking(with: text, by: tower.map { try Tower.load($0) }, of: fields)
        else {
            guard isAsked else { return nil }
            throw ValidationError("The collection has no cross-encoder of its own: name one with --rerank.")
        }
        if let top { reranking.top = top }
        if let milliseconds { reranking.budget = .milliseconds(milliseconds) }
        return reranking
    }
}
