public import Files

/// What a vector must be before it is stored or searched for.
public struct VectorCheck: Sendable {
    /// How many components it must have.
    public let dimension: Int
    /// How it will be compared.
    public let metric: Metric
    /// How it will be stored.
    public let elementType: ElementType

    /// The lengths between which all distances are within the range of f32: the squared distance of two vectors is at most
    /// four times the larger squared length, and a thousandth of the smaller length still has a square with all its digits.
    public static let lengths: ClosedRange<Float> = 0x1p-50...0x1p62

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
    /// - Throws: `invalidInput` for a wrong dimension; NaN or an infinite component; a length outside of ``lengths``, but
    ///   for zeros under l2 and ip; a vector of which f16 would keep too little.
    public func check(
        _ vector: UnsafeBufferPointer<Float>, _ what: String, at location: BelfryError.Location? = nil
    ) throws(BelfryError) {
        guard vector.count == dimension else {
            throw BelfryError(
                .invalidInput, "\(what) has \(vector.count) components; this collection's vectors have \(dimension).",
                at: location, remedy: "Use the model that filled the collection.")
        }
        guard let start = vector.baseAddress else { return }
        // One pass for the vectors that are fine: any NaN or infinite component shows in the sum.
        let squares = squaredLength(start, dimension: dimension)
        guard squares <= Self.lengths.upperBound * Self.lengths.upperBound else {
            try checkFinite(vector, what, at: location)
            throw BelfryError(
                .invalidInput, "\(what) is so long that its distances are beyond f32: \(Self.length(vector)).",
                at: location, remedy: "Scale the vectors down\(Self.scaling(metric)).")
        }
        if squares < Self.lengths.lowerBound * Self.lengths.lowerBound {
            guard vector.contains(where: { $0 != 0 }) else {
                guard metric == .cosine else { return }
                throw BelfryError(
                    .invalidInput, "\(what) is all zeros, which has no direction to compare by cosine.", at: location,
                    remedy: "Leave it out, or use the metric l2 or ip.")
            }
            throw BelfryError(
                .invalidInput, "\(what) is so short that its distances are lost in f32: \(Self.length(vector)).",
                at: location, remedy: "Scale the vectors up\(Self.scaling(metric)).")
        }
        if elementType == .f16 { try checkHalf(vector, what, at: location) }
    }

    private static func length(_ vector: UnsafeBufferPointer<Float>) -> String {
        "its length is \(Float(vector.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()))"
    }

    private static func scaling(_ metric: Metric) -> String {
        metric == .cosine ? "; under cosine that changes no result" : ", all by the same factor"
    }

    private func checkFinite(
        _ vector: UnsafeBufferPointer<Float>, _ what: String, at location: BelfryError.Location?
    ) throws(BelfryError) {
        guard let index = vector.firstIndex(where: { !$0.isFinite }) else { return }
        throw BelfryError(
            .invalidInput, "\(what) has \(vector[index]) at component \(index) (counted from 0).", at: location,
            remedy: "Every component must be a finite number: look at what made this vector.")
    }

    /// What is stored is compared with what came: components beyond f16 become infinite, and those below its range lose
    /// their digits or become zero. A vector that f16 suits is off by a 2,048th of its length at most.
    private func checkHalf(
        _ vector: UnsafeBufferPointer<Float>, _ what: String, at location: BelfryError.Location?
    ) throws(BelfryError) {
        // From half-way between f16's largest number and the next power of two on, rounding gives infinity.
        if let index = vector.firstIndex(where: { abs($0) >= 65_520 }) {
            throw BelfryError(
                .invalidInput, "\(what) has \(vector[index]) at component \(index) (counted from 0), beyond f16.",
                at: location, remedy: "Scale the vectors down, or store them as f32 or bf16.")
        }
        var (lost, whole) = (0.0, 0.0)
        for value in vector {
            let difference = Double(value) - Double(Float16(value))
            lost += difference * difference
            whole += Double(value) * Double(value)
        }
        guard lost > whole / (512 * 512) else { return }
        throw BelfryError(
            .invalidInput,
            "\(what) is too small for f16, which would make \(lost >= whole ? "zeros" : "something else") of it: "
                + "\(Self.length(vector)).", at: location,
            remedy: "Scale the vectors up, or store them as f32 or bf16.")
    }
}
