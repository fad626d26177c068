public import Files

/// What a vector must be before it is stored or searched for.
public struct VectorCheck: Sendable {
    /// How many components it must have.
    public let dimension: Int
    /// How it will be compared.
    public let metric: Metric
    /// How it will be stored.
    public let elementType: ElementType

    /// The check for vectors of one collection.
    public init(dimension: Int, metric: Metric, elementType: ElementType = .f32) {
        self.dimension = dimension
        self.metric = metric
        self.elementType = elementType
    }

    /// Throws when `vector` could not be compared with any other.
    ///
    /// - Parameters:
    ///   - what: The vector's name at the start of the sentence: `The query`, `Row 7`, `Point 12`.
    ///   - location: Where it came from, if that is a file.
    /// - Throws: `invalidInput` for a wrong dimension; NaN or an infinite component; components so large that the
    ///   squared length is beyond f32, or the stored component beyond f16; under cosine, a vector without a direction.
    public func check(
        _ vector: UnsafeBufferPointer<Float>, _ what: String, at location: BelfryError.Location? = nil
    ) throws(BelfryError) {
        guard vector.count == dimension else {
            throw BelfryError(
                .invalidInput, "\(what) has \(vector.count) components; this collection's vectors have \(dimension).",
                at: location, remedy: "Use the model that filled the collection.")
        }
        guard let start = vector.baseAddress else { return }
        if elementType == .f16 { try checkHalf(vector, what, at: location) }
        // One pass for the vectors that are fine: any NaN or infinite component shows in the sum.
        let squares = squaredLength(start, dimension: dimension)
        guard squares.isFinite else {
            try checkFinite(vector, what, at: location)
            throw BelfryError(
                .invalidInput, "\(what) is so long that its squared length is beyond f32.", at: location,
                remedy: "Scale the vectors down; under cosine that changes no result.")
        }
        // Below the smallest normal number the length has lost its digits.
        if metric == .cosine, squares < .leastNormalMagnitude {
            throw BelfryError(
                .invalidInput,
                squares == 0 && vector.allSatisfy { $0 == 0 }
                    ? "\(what) is all zeros, which has no direction to compare by cosine."
                    : "\(what) is so short that its direction is lost in f32.", at: location,
                remedy: "Leave it out, or use the metric l2 or ip.")
        }
    }

    private func checkFinite(
        _ vector: UnsafeBufferPointer<Float>, _ what: String, at location: BelfryError.Location?
    ) throws(BelfryError) {
        guard let index = vector.firstIndex(where: { !$0.isFinite }) else { return }
        throw BelfryError(
            .invalidInput, "\(what) has \(vector[index]) at component \(index) (counted from 0).", at: location,
            remedy: "Every component must be a finite number: look at what made this vector.")
    }

    private func checkHalf(
        _ vector: UnsafeBufferPointer<Float>, _ what: String, at location: BelfryError.Location?
    ) throws(BelfryError) {
        // From half-way between f16's largest number and the next power of two on, rounding gives infinity.
        guard let index = vector.firstIndex(where: { abs($0) >= 65_520 }), vector[index].isFinite else { return }
        throw BelfryError(
            .invalidInput, "\(what) has \(vector[index]) at component \(index) (counted from 0), beyond f16.",
            at: location, remedy: "Scale the vectors down, or store them as f32 or bf16.")
    }
}
