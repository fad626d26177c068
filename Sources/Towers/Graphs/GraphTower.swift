import Files
import Foundation
import Synchronization
import Vectors

/// The part of a tower whose model is an ONNX graph: rows become tensors, tensors vectors.
///
/// 1. A worker takes the next batch of rows, which have lists of about one length, and encodes their fields
///    (`FeatureSet`).
/// 2. The graph runs on them. Its one output is a vector for each row, or one for each element of a row's list.
/// 3. The head pools, normalises and cuts (`TowerHead`).
final class GraphTower: Sendable {
    let model: OnnxModel
    let features: FeatureSet
    let head: TowerHead
    let inspection: GraphInspection
    /// The input whose elements the output's vectors belong to; nil if the output is a vector for each row.
    private let pooled: Int?
    let isPooled: Bool
    let size: Int
    private let binding: GraphBinding
    /// The inputs whose lists are padded without the graph being told.
    private let unmasked: [Int]
    private let batchRows: Int
    let rows: TowerManifest.Rows
    let rangesPerRow: Bool
    private let workspaces = WorkspacePool()
    private let state = Mutex(Batches())

    private struct Batches: @unchecked Sendable { var waiting: [FeatureBatch] = [] }

    /// Rows of a batch: many share the cost of a run, few keep what it makes in the caches.
    private static let mostRows = 128
    /// Elements of the lists, or tokens, of a batch, padding included.
    private static let mostElements = 2048
    /// Bytes that the tensors of a batch may take.
    private static let mostBytes = 1 << 24

    /// Loads what lies at `paths`: `model.onnx`, `model.weights`, `features.json` and what it names.
    init(
        _ manifest: TowerManifest, _ paths: TowerFiles, instructionSet: InstructionSet
    ) throws(BelfryError) {
        let path = paths.path(OnnxPacker.modelFile)
        let file = try OnnxImporter(path)
        rangesPerRow = manifest.rangesPerRow
        let graph = manifest.rangesPerRow ? file.graph.quantizingByRows : file.graph
        model = try OnnxModel(path, graph, file.versions, instructionSet, fuses: true)
        inspection = GraphInspection(model, file.graph, file.versions)
        features = try FeatureSet(file: paths.path(FeatureSet.file), folder: paths.folder)
        binding = try GraphBinding(features, model)
        guard model.outputs.count == 1, let dimensions = model.outputs[0].dimensions,
            case .fixed(let size)? = dimensions.last, (2...3).contains(dimensions.count), (1...1 << 20).contains(size)
        else { throw .corrupt("The graph must have one output of vectors.", at: .init(file: model.path)) }
        self.size = size
        isPooled = dimensions.count == 2
        pooled = isPooled ? nil : features.listInput
        // The range of dynamic quantisation is that of all rows of a run: towers of before it was measured do not say so.
        let hasRanges = inspection.operators["DynamicQuantizeLinear"] != nil && !manifest.rangesPerRow
        rows = hasRanges && manifest.rows == .together ? .alone : manifest.rows
        unmasked = rows == .lengths ? features.listInputs : features.unmaskedInputs
        head = try TowerHead(manifest, hidden: size, isPooled: isPooled, paths, Products(instructionSet))
        batchRows = binding.fixedRows ?? max(1, min(Self.mostRows, Self.mostBytes / max(features.bytesPerRow, 1)))
    }

    /// The vectors of `rows`, [rows, head.dimension].
    /// - Parameters:
    ///   - prompt: What is put before the rows' text.
    ///   - skipped: How many tokens at a text's start take no part in the pooling.
    ///   - source: What the rows are called in an error.
    ///   - first: The number of the first row in an error.
    ///   - progress: Called with the number of rows done so far, one call at a time.
    func embed(
        _ rows: [JSON], prompt: String = "", skipping skipped: Int = 0, source: String, first: Int, threads: Int,
        progress: (@Sendable (Int) -> Void)?
    ) throws(BelfryError) -> Matrix {
        let rows = prompt.isEmpty ? rows : prompted(rows, prompt)
        let result = Matrix(rows: rows.count, columns: head.dimension)
        let batches = batches(rows)
        if batches.count == 1 {
            try embed(rows, batches[0], skipped, source: source, first: first, threads: threads, into: result)
            progress?(rows.count)
            return result
        }
        let shared = Mutex(Progress())
        Parallel.forEach(batches.count, threads: threads) { number, _ in
            // Only the caller's own thread knows of its task.
            let isCancelled = Task.isCancelled
            let isOver = shared.withLock { state in
                if isCancelled { state.failure = state.failure ?? BelfryError(.cancelled, "The work was cancelled.") }
                return state.failure != nil
            }
            if isOver { return }
            do throws(BelfryError) {
                try self.embed(rows, batches[number], skipped, source: source, first: first, threads: 1, into: result)
                shared.withLock { state in
                    state.done += batches[number].count
                    progress?(state.done)
                }
            } catch {
                shared.withLock { $0.failure = $0.failure ?? error }
            }
        }
        guard let failure = shared.withLock({ $0.failure }) else { return result }
        // Of several bad rows the first one is told, so that it does not depend on batches and threads.
        if failure.code == .invalidInput {
            let batch = FeatureBatch()
            for place in rows.indices {
                try features.encode(rows, at: [place], into: batch, source: source, first: first)
            }
        }
        throw failure
    }

    private struct Progress {
        var done = 0
        var failure: BelfryError?
    }

    private func prompted(_ rows: [JSON], _ prompt: String) -> [JSON] {
        guard let field = features.promptField else { return rows }
        return rows.map { row in
            guard case .object(var members) = row, case .string(let text)? = members[field] else { return row }
            members[field] = .string(prompt + text)
            return .object(members)
        }
    }

    /// Which rows run together. Lists are padded to the longest of a batch, so rows of about one length do.
    private func batches(_ rows: [JSON]) -> [[Int]] {
        guard rows.count > 1 else { return rows.isEmpty ? [] : [[0]] }
        if self.rows == .alone { return rows.indices.map { [$0] } }
        var places = Array(rows.indices)
        var batches: [[Int]] = []
        guard features.longestList > 0, binding.fixedRows == nil else {
            for begin in stride(from: 0, to: rows.count, by: batchRows) {
                batches.append(Array(places[begin..<min(begin + batchRows, rows.count)]))
            }
            return batches
        }
        let elements = rows.map(features.elements)
        places.sort { (elements[$0], $0) < (elements[$1], $1) }
        var batch: [Int] = []
        for place in places {
            if !batch.isEmpty, batch.count >= batchRows || (batch.count + 1) * elements[place] > Self.mostElements {
                batches.append(batch)
                batch.removeAll()
            }
            batch.append(place)
        }
        batches.append(batch)
        return batches
    }

    /// The most rows of one run.
    var rowsAtOnce: Int { batchRows }

    /// The vectors of made-up rows: each by itself, or `together` in one run as far as the tower lets them.
    func vectors(of rows: [JSON], together: Bool = false) throws(BelfryError) -> Matrix {
        let result = Matrix(rows: rows.count, columns: head.dimension)
        for places in together ? [Array(rows.indices)] : rows.indices.map({ [$0] }) {
            try embed(rows, places, 0, source: "made-up rows", first: 0, threads: 2, into: result)
        }
        return result
    }

    /// Embeds the rows at `places`, and writes their vectors to the same rows of `result`.
    private func embed(
        _ rows: [JSON], _ places: [Int], _ skipped: Int, source: String, first: Int, threads: Int, into result: Matrix
    ) throws(BelfryError) {
        let batch = state.withLock { $0.waiting.popLast().map(Handover.init) }?.batch ?? FeatureBatch()
        defer {
            let handover = Handover(batch: batch)
            state.withLock { $0.waiting.append(handover.batch) }
        }
        let parts = unmasked.isEmpty ? [places] : try groups(rows, places, batch, source: source, first: first)
        for places in parts {
            try embed(rows, places, batch, skipped, source: source, first: first, threads: threads, into: result)
        }
    }

    /// The rows of each length by themselves: the graph would take the padding of a shorter one for its elements.
    private func groups(
        _ rows: [JSON], _ places: [Int], _ batch: FeatureBatch, source: String, first: Int
    ) throws(BelfryError) -> [[Int]] {
        guard places.count > 1 else { return [places] }
        try features.encode(rows, at: places, into: batch, source: source, first: first)
        var groups: [[Int]: [Int]] = [:]
        for (row, place) in places.enumerated() {
            groups[unmasked.map { batch.elements(of: $0, row: row).count }, default: []].append(place)
        }
        return groups.count == 1 ? [places] : groups.values.sorted { $0[0] < $1[0] }
    }

    private func embed(
        _ rows: [JSON], _ places: [Int], _ batch: FeatureBatch, _ skipped: Int, source: String, first: Int,
        threads: Int, into result: Matrix
    ) throws(BelfryError) {
        var padded = places
        // A graph of a fixed number of rows gets the last one again and again.
        if let fixed = binding.fixedRows, let last = places.last {
            while padded.count < fixed { padded.append(last) }
        }
        try features.encode(rows, at: padded, into: batch, source: source, first: first)
        try model.withOutput(of: binding.tensors(batch), threads: threads) { output throws(BelfryError) in
            let wrong = try finish(output, batch, places, rows: padded.count, skipped, into: result)
            guard let wrong else { return }
            throw BelfryError(
                .invalidInput, "The row's vector has components that are not finite numbers.",
                at: .init(file: source, place: "row \(first + wrong)"),
                remedy: "Look for numbers in the row that are far beyond those of training. If it is so for every row, "
                    + "the weights of \(model.path) are damaged.")
        }
    }

    /// The head, row by row. The place of the first row whose vector is not finite.
    private func finish(
        _ output: TensorView, _ batch: FeatureBatch, _ places: [Int], rows: Int, _ skipped: Int, into result: Matrix
    ) throws(BelfryError) -> Int? {
        let shape = output.shape
        guard shape.rank == (isPooled ? 2 : 3), shape[0] == rows, shape[shape.rank - 1] == size else {
            throw BelfryError(
                .unsupported, "The graph gives the shape \(shape) for \(rows) rows.", at: .init(file: model.path),
                remedy: "Export it with the rows as the first, free dimension of its inputs and its output.")
        }
        let elements = isPooled ? 1 : shape[1]
        if let pooled, batch.tensors[pooled].width != elements {
            throw BelfryError(
                .unsupported,
                "The graph gives \(elements) vectors for \(batch.tensors[pooled].width) elements of "
                    + "“\(features.inputs[pooled].name)”: they cannot be pooled.", at: .init(file: model.path))
        }
        let workspace = workspaces.take()
        defer { workspaces.give(workspace) }
        let dimension = head.dimension
        var wrong: Int?
        try output.withFloats(model.path) { floats in
            for (row, place) in places.enumerated() {
                let target = result.pointer + place * dimension
                let part = pooled.map { batch.elements(of: $0, row: row) } ?? 0..<elements
                head.apply(
                    floats + (row * elements + part.lowerBound) * size, count: part.count,
                    skipping: pooled == nil ? 0 : skipped, into: target, workspace)
                if wrong == nil, !(0..<dimension).allSatisfy({ target[$0].isFinite }) { wrong = place }
            }
        }
        return wrong
    }

    private struct Handover: @unchecked Sendable { let batch: FeatureBatch }
}

extension Tensor {
    /// The elements of a tensor of floats as f32.
    func floats(_ path: String) throws(BelfryError) -> [Float] {
        defer { withExtendedLifetime(self) {} }
        return try view.withFloats(path) { Array(UnsafeBufferPointer(start: $0, count: count)) }
    }
}

extension TensorView {
    /// Calls `body` with the elements of a tensor of floats as f32: where they lie, or a copy of other types'.
    func withFloats<Result>(_ path: String, _ body: (UnsafePointer<Float>) -> Result) throws(BelfryError) -> Result {
        func converted<Element: TensorElement>(_ convert: (Element) -> Float) -> Result {
            let values = UnsafeBufferPointer(start: elements(Element.self), count: count).map(convert)
            return values.withUnsafeBufferPointer { body($0.baseAddress!) }
        }
        switch type {
        case .float32: return body(floats)
        case .float64: return converted { (value: Double) in Float(value) }
        case .float16: return converted { (value: Float16) in Float(value) }
        case .bfloat16: return converted { (value: BFloat16) in value.float }
        default:
            throw BelfryError(.unsupported, "The values are \(type): they are no vectors.", at: .init(file: path))
        }
    }
}
