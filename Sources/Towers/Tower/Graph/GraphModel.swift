import Files
import Synchronization
import Vectors

/// The model of a tower that is an ONNX graph: rows become tensors, tensors vectors.
///
/// 1. A worker takes the next batch of rows, which have lists of about one length, and encodes their fields
///    (`FeatureSet`).
/// 2. The graph runs on them. Its one output is a vector for each row, or one for each element of a row's list.
/// 3. The head pools, normalizes and cuts (`TowerHead`).
final class GraphModel: TowerModel {
    let graph: OnnxModel
    let columns: FeatureSet
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
    let rows: RowGrouping
    let rangesPerRow: Bool
    private let workspaces = Pool { Workspace() }
    private let featureBatches = Pool { FeatureBatch() }

    /// Rows of a batch: many share the cost of a run, few keep what it makes in the caches.
    private static let maxRows = 128
    /// Elements of the lists, or tokens, of a batch, padding included.
    private static let maxElements = 2048
    /// Bytes that the tensors of a batch may take.
    private static let maxBytes = 1 << 24

    /// Loads what lies at `paths`: `model.onnx`, `model.weights`, `features.json` and what it names.
    init(
        _ manifest: TowerManifest, _ paths: TowerFiles, instructionSet: InstructionSet
    ) throws(BelfryError) {
        let path = paths.path(TowerFiles.graph)
        let file = try OnnxImporter(path)
        rangesPerRow = manifest.rangesPerRow
        let nodes = manifest.rangesPerRow ? file.graph.quantizingByRows : file.graph
        graph = try OnnxModel(path, nodes, file.versions, instructionSet, fuses: true)
        inspection = GraphInspection(graph, file.graph, file.versions)
        columns = try FeatureSet(file: paths.path(FeatureSet.file), folder: paths.folder)
        binding = try GraphBinding(columns, graph)
        guard graph.outputs.count == 1, let dimensions = graph.outputs[0].dimensions,
            case .fixed(let size)? = dimensions.last, (2...3).contains(dimensions.count), (1...1 << 20).contains(size)
        else { throw .corrupt("The graph must have one output of vectors.", at: .init(file: graph.path)) }
        self.size = size
        isPooled = dimensions.count == 2
        pooled = isPooled ? nil : columns.listInput
        // The range of dynamic quantization is that of all rows of a run: towers of before it was measured do not say so.
        let hasRanges = inspection.operators["DynamicQuantizeLinear"] != nil && !manifest.rangesPerRow
        rows = hasRanges && manifest.rows == .together ? .alone : manifest.rows
        unmasked = rows == .lengths ? columns.listInputs : columns.unmaskedInputs
        head = try TowerHead(manifest.modules, hidden: size, isPooled: isPooled, paths, Products(instructionSet))
        batchRows = binding.fixedRows ?? max(1, min(Self.maxRows, Self.maxBytes / max(columns.bytesPerRow, 1)))
    }

    func embed(_ rows: [JSON], _ job: EmbeddingJob) throws(BelfryError) -> Matrix {
        let rows = job.prompt.isEmpty ? rows : prompted(rows, job.prompt)
        let result = Matrix(rows: rows.count, columns: head.dimension)
        let batches = batches(rows)
        if batches.count == 1 {
            try embed(rows, batches[0], job, threads: job.threads, into: result)
            job.progress?(rows.count)
            return result
        }
        let done = Mutex(0)
        do throws(BelfryError) {
            try WorkPool(threads: job.threads).run(batches.count) { worker in
                while worker.one({ number throws(BelfryError) in
                    try embed(rows, batches[number], job, threads: 1, into: result)
                    done.withLock { done in
                        done += batches[number].count
                        job.progress?(done)
                    }
                }) {}
            }
            return result
        } catch {
            if error.code == .invalidInput { try throwFirstProblem(of: rows, job) }
            throw error
        }
    }

    /// Of several bad rows the first one is told, so that it does not depend on batches and threads.
    private func throwFirstProblem(of rows: [JSON], _ job: EmbeddingJob) throws(BelfryError) {
        try featureBatches.lend { batch throws(BelfryError) in
            for place in rows.indices {
                try columns.encode(rows, at: [place], into: batch, source: job.source, first: job.firstRow)
            }
        }
    }

    private func prompted(_ rows: [JSON], _ prompt: String) -> [JSON] {
        guard let field = columns.promptField else { return rows }
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
        guard columns.longestList > 0, binding.fixedRows == nil else {
            for begin in stride(from: 0, to: rows.count, by: batchRows) {
                batches.append(Array(places[begin..<min(begin + batchRows, rows.count)]))
            }
            return batches
        }
        let elements = rows.map(columns.elements)
        places.sort { (elements[$0], $0) < (elements[$1], $1) }
        var batch: [Int] = []
        for place in places {
            if !batch.isEmpty, batch.count >= batchRows || (batch.count + 1) * elements[place] > Self.maxElements {
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
            try embed(rows, places, EmbeddingJob(source: "made-up rows"), threads: 2, into: result)
        }
        return result
    }

    /// Embeds the rows at `places`, and writes their vectors to the same rows of `result`.
    private func embed(
        _ rows: [JSON], _ places: [Int], _ job: EmbeddingJob, threads: Int, into result: Matrix
    ) throws(BelfryError) {
        try featureBatches.lend { batch throws(BelfryError) in
            let parts = unmasked.isEmpty ? [places] : try groups(rows, places, batch, job)
            for places in parts {
                try embed(rows, places, batch, job, threads: threads, into: result)
            }
        }
    }

    /// The rows of each length by themselves: the graph would take the padding of a shorter one for its elements.
    private func groups(
        _ rows: [JSON], _ places: [Int], _ batch: FeatureBatch, _ job: EmbeddingJob
    ) throws(BelfryError) -> [[Int]] {
        guard places.count > 1 else { return [places] }
        try columns.encode(rows, at: places, into: batch, source: job.source, first: job.firstRow)
        var groups: [[Int]: [Int]] = [:]
        for (row, place) in places.enumerated() {
            groups[unmasked.map { batch.elements(of: $0, row: row).count }, default: []].append(place)
        }
        return groups.count == 1 ? [places] : groups.values.sorted { $0[0] < $1[0] }
    }

    private func embed(
        _ rows: [JSON], _ places: [Int], _ batch: FeatureBatch, _ job: EmbeddingJob, threads: Int, into result: Matrix
    ) throws(BelfryError) {
        var padded = places
        // A graph of a fixed number of rows gets the last one again and again.
        if let fixed = binding.fixedRows, let last = places.last {
            while padded.count < fixed { padded.append(last) }
        }
        try columns.encode(rows, at: padded, into: batch, source: job.source, first: job.firstRow)
        try graph.withOutput(of: binding.tensors(batch), threads: threads) { output throws(BelfryError) in
            let wrong = try finish(output, batch, places, rows: padded.count, job.skippedTokens, into: result)
            guard let wrong else { return }
            throw BelfryError(
                .invalidInput, "The row's vector has components that are not finite numbers.",
                at: .init(file: job.source, place: "row \(job.firstRow + wrong)"),
                remedy: "Look for numbers in the row that are far beyond those of training. If it is so for every row, "
                    + "the weights of \(graph.path) are damaged.")
        }
    }

    /// The head, row by row. The place of the first row whose vector is not finite.
    private func finish(
        _ output: TensorView, _ batch: FeatureBatch, _ places: [Int], rows: Int, _ skipped: Int, into result: Matrix
    ) throws(BelfryError) -> Int? {
        let shape = output.shape
        guard shape.rank == (isPooled ? 2 : 3), shape[0] == rows, shape[shape.rank - 1] == size else {
            throw BelfryError(
                .unsupported, "The graph gives the shape \(shape) for \(rows) rows.", at: .init(file: graph.path),
                remedy: "Export it with the rows as the first, free dimension of its inputs and its output.")
        }
        let elements = isPooled ? 1 : shape[1]
        if let pooled, batch.tensors[pooled].width != elements {
            throw BelfryError(
                .unsupported,
                "The graph gives \(elements) vectors for \(batch.tensors[pooled].width) elements of "
                    + "“\(columns.inputs[pooled].name)”: they cannot be pooled.", at: .init(file: graph.path))
        }
        let dimension = head.dimension
        var wrong: Int?
        try output.withFloats(graph.path) { floats in
            workspaces.lend { workspace in
                for (row, place) in places.enumerated() {
                    let target = result.pointer + place * dimension
                    let part = pooled.map { batch.elements(of: $0, row: row) } ?? 0..<elements
                    head.apply(
                        floats + (row * elements + part.lowerBound) * size, count: part.count,
                        skipping: pooled == nil ? 0 : skipped, into: target, workspace)
                    if wrong == nil, !(0..<dimension).allSatisfy({ target[$0].isFinite }) { wrong = place }
                }
            }
        }
        return wrong
    }
}
