import Files

extension CollectionRecord {
    /// What was asked for and cannot be, in sentences: clients that check it find it beside the configuration.
    var warnings: [String] {
        dense.compactMap { name, params in
            let isInline = params["hnsw_config"]?["inline_storage"] ?? config["hnsw_config"]?["inline_storage"]
            guard isInline == true else { return nil }
            let title = name.isEmpty ? "The vectors" : "The vectors \(name.debugDescription)"
            if params["multivector_config"] != nil {
                return "\(title) are several for each point: inline_storage has no effect on them."
            }
            let quantization = params["quantization_config"] ?? config["quantization_config"] ?? .null
            return quantization == .null ? "\(title) are not quantized: inline_storage has no effect on them." : nil
        }
    }
}
