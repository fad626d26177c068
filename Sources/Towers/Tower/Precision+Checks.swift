import Files

extension Precision {
    /// Only the layers of BERT and its relatives are computed in bf16.
    func requireF32(for kind: EncoderKind, at path: String) throws(BelfryError) {
        guard self == .bf16 else { return }
        throw BelfryError(
            .unsupported, "A tower of the kind “\(kind.rawValue)” is computed in f32 only.", at: .init(file: path),
            remedy: "Load it as f32.")
    }

    /// bf16 is computed by kernels of our own, in pairs of numbers.
    func check(
        _ products: Products, sizes: [Int], _ place: BelfryError.Location
    ) throws(BelfryError) {
        guard self == .bf16 else { return }
        if products.usesBLAS {
            throw BelfryError(
                .unsupported, "bf16 needs a processor with AVX2 or AVX-512.", at: place, remedy: "Load it as f32.")
        }
        for size in sizes where size % 2 != 0 {
            throw BelfryError(
                .unsupported, "bf16 needs an even number of components, not \(size).", at: place,
                remedy: "Load it as f32.")
        }
    }
}
