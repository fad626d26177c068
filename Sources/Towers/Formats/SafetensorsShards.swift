import Files

/// Weights that are split into several safetensors files, with an index that says which tensor is where.
///
/// | member of `model.safetensors.index.json` | what |
/// |---|---|
/// | `weight_map` | tensor → name of a file beside the index |
/// | `metadata` | sizes, which are not read |
///
/// A tower has one file: they are written as one, tensor after tensor, with no more than one file's mapping in use.
struct SafetensorsShards {
    static let index = "model.safetensors.index.json"

    private let files: [(file: Safetensors, tensors: [StoredTensor])]

    /// Opens all files that the index in `folder` names, and checks that each tensor is where it says.
    init(folder: String) throws(BelfryError) {
        let path = folder + "/" + Self.index
        let json = try StrictObject(file: path)
        guard let map = try json.object("weight_map"), !map.members.isEmpty else {
            throw .corrupt("The index has no weight_map.", at: .init(file: path))
        }
        var tensors: [[UInt8]: [String]] = [:]
        for (name, file) in map.members {
            guard let file = file.utf8, !file.isEmpty, !file.contains(UInt8(ascii: "/")) else {
                throw .corrupt("A tensor's file is not a name beside the index.", at: json.location("weight_map"))
            }
            tensors[file, default: []].append(String(decoding: name, as: UTF8.self))
        }
        var files: [(Safetensors, [StoredTensor])] = []
        for (name, names) in tensors.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            let name = String(decoding: name, as: UTF8.self)
            guard System.exists(folder + "/" + name) else {
                throw BelfryError(
                    .notFound, "The index names the file \(name), which is missing.", at: .init(file: path),
                    remedy: "Download the whole model: all files model-*.safetensors beside the index.")
            }
            let file = try Safetensors(folder + "/" + name)
            var found: [StoredTensor] = []
            for tensor in names { found.append(try file.required(tensor, "of the index")) }
            files.append((file, found.sorted { $0.bytes.lowerBound < $1.bytes.lowerBound }))
        }
        self.files = files
    }

    /// Writes all tensors into one file.
    func write(to path: String) throws(BelfryError) {
        var header = SafetensorsHeader()
        for (_, tensors) in files {
            for tensor in tensors {
                header.add(tensor.name, type: tensor.type, shape: tensor.shape, bytes: tensor.bytes.count)
            }
        }
        let writer = try FileWriter(path)
        try header.write(to: writer)
        for (file, tensors) in files {
            for tensor in tensors { try writer.write(file.bytes(of: tensor)) }
        }
        try writer.finish()
    }
}
